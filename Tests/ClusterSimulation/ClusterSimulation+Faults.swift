import LockstepCluster

/// Faults that have not struck yet.
struct FaultSchedule {
    /// In the order of their steps.
    private(set) var waiting: ArraySlice<Fault>
    /// Those that wait for a moment of the protocol.
    private(set) var armed: [(number: Int, fault: Fault)] = []
    private var count = 0

    init(_ faults: [Fault]) { waiting = faults[...] }

    var isOver: Bool { waiting.isEmpty && armed.isEmpty }

    /// The faults whose step has come.
    mutating func release(_ step: UInt32) -> [Fault] {
        var released: [Fault] = []
        while let fault = waiting.first, fault.step <= step { released.append(waiting.removeFirst()) }
        return released
    }

    mutating func arm(_ fault: Fault) -> Int {
        count += 1
        armed.append((count, fault))
        return count
    }

    mutating func disarm(_ number: Int) -> Fault? {
        guard let index = armed.firstIndex(where: { $0.number == number }) else { return nil }
        return armed.remove(at: index).fault
    }

    mutating func disarm(at point: Fault.Point) -> [Fault] {
        let fired = armed.filter { $0.fault.point == point }.map(\.fault)
        armed.removeAll { $0.fault.point == point }
        return fired
    }
}

extension ClusterSimulation {
    /// Somebody holds a step for the first time: its faults come.
    func release() {
        for fault in schedule.release(liveness.front) {
            if fault.point != nil {
                let number = schedule.arm(fault)
                after(2_000_000_000) { [self] in
                    if let fault = schedule.disarm(number) { befall(fault) }
                }
            } else {
                after(fault.delay) { [self] in befall(fault) }
            }
        }
    }

    func happened(_ point: Fault.Point, at worker: SimulatedWorker?) {
        for fault in schedule.disarm(at: point) { after(fault.delay) { [self] in befall(fault) } }
    }

    private var present: [SimulatedWorker] { workers.filter(\.isAlive) }

    private func victim(_ index: Int) -> SimulatedWorker? {
        let present = present
        return present.isEmpty ? nil : present[index % present.count]
    }

    private func befall(_ fault: Fault) {
        guard !isComplete, counts.faults < fault.enough else { return }
        note("FAULT \(fault.kind)")
        if strike(fault.kind) {
            counts.faults += 1
            liveness.fault(now, fault.kind)
        }
    }

    /// Something ends that a fault began.
    private func ends(after duration: UInt64, _ work: @escaping () -> Void = {}) {
        after(duration) { [self] in
            liveness.fault(now)
            work()
        }
    }

    /// - Returns: false where there is nobody to befall.
    private func strike(_ kind: Fault.Kind) -> Bool {
        switch kind {
        case .kill(let index):
            guard let worker = victim(index) else { return false }
            worker.end("signal 9 (SIGKILL)")
        case .stop(let index, let duration):
            guard let worker = victim(index), !worker.isStopped else { return false }
            worker.stop()
            ends(after: duration) { worker.wake() }
        case .hang(let index):
            guard let worker = victim(index), !worker.isHung else { return false }
            worker.isHung = true
            ends(after: delay(scenario.patienceWithHung)) { worker.end("signal 9 (SIGKILL)") }
        case .cutLink(let first, let second):
            guard let one = victim(first), let other = victim(second), one !== other,
                let link = one.generation?.linksInOrder.first(where: { $0.peer(of: one) === other })
            else { return false }
            link.connection.reset()
        case .cutControl(let index):
            guard let worker = victim(index), let control = worker.control else { return false }
            control.connection.reset()
        case .cutBulk(let index):
            guard let bulk = victim(index)?.bulk else { return false }
            bulk.reset()
        case .block(let from, let to, let duration):
            block(from, to, for: duration)
            ends(after: duration)
        case .partition(let one, let other, let duration):
            block(one, other, for: duration)
            block(other, one, for: duration)
            ends(after: duration)
        case .isolate(let host, let duration):
            for other in 0...scenario.workers {
                block(host, other, for: duration)
                block(other, host, for: duration)
            }
            ends(after: duration)
        case .slow(let host, let time, let duration):
            network.slow[host] = (time, now + duration)
            ends(after: duration)
        case .join:
            guard present.count < scenario.workers + scenario.spares + 3 else { return false }
            startWorker("x\(workers.count)", host: 1 + workers.count % scenario.workers)
        case .leave(let index):
            guard let worker = victim(index), !worker.isLeaving else { return false }
            worker.isLeaving = true
            worker.whenAwake { worker.handle(.leaveRequested(reason: "SIGTERM")) }
            // A process that does not end is ended.
            ends(after: scenario.patienceWithLeavers) { worker.end("signal 9 (SIGKILL)") }
        case .drain(let index):
            guard let worker = victim(index), let coordinator else { return false }
            for other in present where other.name == worker.name { other.isLeaving = true }
            coordinator.handle(.drainRequested(name: worker.name))
            ends(after: scenario.patienceWithLeavers) { worker.end("signal 9 (SIGKILL)") }
        case .duplicate(let index):
            guard let worker = victim(index), present.count < scenario.workers + scenario.spares + 3 else {
                return false
            }
            startWorker(worker.name, host: 1 + worker.host % scenario.workers)
        case .killCoordinator(let count):
            guard let coordinator else { return false }
            coordinator.diesAfter = count
            ends(after: 500_000_000) { if coordinator.diesAfter != nil { coordinator.kill() } }
        case .undead(let duration): return bury(duration)
        case .stopCoordinator(let duration):
            guard let coordinator, !coordinator.isStopped else { return false }
            coordinator.stop()
            ends(after: duration) { coordinator.wake() }
        case .slowDisk(let duration):
            slowDiskUntil = now + duration
            ends(after: duration)
        case .brokenJournal:
            guard let coordinator else { return false }
            coordinator.journalFails = true
        case .fullDisk(let duration):
            snapshotsFailUntil = now + duration
            ends(after: duration)
        case .flip(let index, let piece): return flip(index, piece)
        case .stopRun:
            guard let coordinator, coordinator.outcome == nil else { return false }
            coordinator.isStopping = true
            coordinator.handle(.stopRequested(reason: "SIGTERM"))
        case .staleShares(let index): return curse(index, .staleShares)
        case .misjudge(let index):
            guard !workers.contains(where: { $0.isAlive && $0.isCorrupt }) else { return false }
            return curse(index, .misjudge)
        case .wrongSums(let index): return curse(index, .wrongSums)
        case .unable(let index): return curse(index, .unable)
        case .notFinite(let step, let lane):
            guard counts.verdicts == 0, step > liveness.front + 1 else { return false }
            notFinite = (step, lane)
        case .miscompute(let index, let times):
            // Two that are wrong might agree.
            guard let worker = victim(index), !workers.contains(where: { $0.isAlive && $0.wrongLanes > 0 }) else {
                return false
            }
            worker.wrongLanes = times
            hasMiscomputed = true
        case .killSource, .killObserver, .stopObserver, .cutFeed, .renewFeed, .slowObserver: return strikeFeed(kind)
        }
        return true
    }

    /// - Returns: false where nobody observes.
    private func strikeFeed(_ kind: Fault.Kind) -> Bool {
        let links = workers.filter(\.isAlive).compactMap(\.incoming).filter { $0.source.isAlive }
        func link(_ index: Int) -> FeedLink? { links.isEmpty ? nil : links[index % links.count] }
        switch kind {
        case .killSource(let index):
            guard let link = link(index) else { return false }
            link.source.end("signal 9 (SIGKILL)")
        case .killObserver(let index):
            guard let link = link(index) else { return false }
            link.observer.end("signal 9 (SIGKILL)")
        case .stopObserver(let index, let duration):
            guard let observer = link(index)?.observer, !observer.isStopped else { return false }
            observer.stop()
            ends(after: duration) { observer.wake() }
        case .cutFeed(let index):
            guard let link = link(index) else { return false }
            link.connection.reset()
        case .renewFeed(let index):
            guard let link = link(index), !link.source.isStopped else { return false }
            return link.source.renewFeed(of: link.observer)
        case .slowObserver(let index, let time, let duration):
            guard let observer = link(index)?.observer else { return false }
            observer.slowTaking = (time, now + duration)
        default: return false
        }
        return true
    }

    private func curse(_ index: Int, _ curse: Curse) -> Bool {
        guard let worker = victim(index) else { return false }
        curses[ObjectIdentifier(worker), default: []].insert(curse)
        everCursed.insert(curse)
        return true
    }

    /// Another coordinator takes the run over, while the old one still answers. It has no disk any more.
    private func bury(_ duration: UInt64) -> Bool {
        guard let old = coordinator, undead == nil, !scenario.hasLauncher, old.listens else { return false }
        undead = old
        coordinator = nil
        liveness.plan = nil
        old.bury()
        after(duration) { old.end("it sees that it is none") }
        after(delay(scenario.restart)) { [self] in startCoordinator() }
        return true
    }

    private func flip(_ index: Int, _ piece: Int) -> Bool {
        guard !workers.contains(where: { $0.isAlive && ($0.isCorrupt || isCursed($0, .misjudge)) }),
            let worker = victim(index), worker.hasState
        else { return false }
        worker.state.parameters[piece] ^= 1 << 17
        worker.isCorrupt = true
        excuseIfAlone(worker)
        return true
    }
}
