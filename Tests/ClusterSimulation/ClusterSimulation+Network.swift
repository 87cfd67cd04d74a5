import LockstepCluster

/// What hosts can hear of each other.
struct NetworkState {
    struct Block: Hashable {
        let from: Int
        let to: Int
    }

    /// Until when what is sent this way waits.
    var blocked: [Block: UInt64] = [:]
    /// What a host's messages take on top.
    var slow: [Int: (delay: UInt64, until: UInt64)] = [:]

    /// A link was given up whose other end may not know.
    var hasTimedOut = false

    func isDisturbed(_ now: UInt64) -> Bool {
        blocked.values.contains { $0 > now } || slow.values.contains { $0.until > now }
    }
}

extension ClusterSimulation {
    func networkDelay(_ from: Int, _ to: Int) -> UInt64 {
        var time = delay(scenario.network)
        for host in [from, to] {
            if let slow = network.slow[host], slow.until > now { time += slow.delay }
        }
        return time
    }

    /// nil where the way is clear.
    func blockedUntil(_ from: Int, _ to: Int) -> UInt64? {
        guard let until = network.blocked[.init(from: from, to: to)], until > now else { return nil }
        return until
    }

    func block(_ from: Int, _ to: Int, for duration: UInt64) {
        guard from != to else { return }
        let key = NetworkState.Block(from: from, to: to)
        network.blocked[key] = max(network.blocked[key] ?? 0, now + duration)
        // An end that waits in vain for an answer of ten seconds gives the link up.
        after(10_000_000_000) { [self] in
            guard let until = blockedUntil(from, to) else { return }
            for worker in workers where worker.isAlive && (worker.host == from || worker.host == to) {
                for link in worker.generation?.linksInOrder ?? []
                where [from, to].contains(link.peer(of: worker).host) && !link.line(from: worker).isEmpty {
                    note("\(worker): the link to \(link.peer(of: worker)) times out (blocked until \(until))")
                    link.timeOut(at: worker)
                    network.hasTimedOut = true
                }
                for feed in worker.feeds {
                    guard let link = feed.link, worker.host == from, link.observer.host == to,
                        !link.connection.toServer.isEmpty
                    else { continue }
                    note("\(worker): the feed of \(link.observer) times out (blocked until \(until))")
                    link.timeOut()
                }
            }
        }
    }

    /// There and back again.
    private func roundTrip(_ from: Int, _ to: Int, until deadline: UInt64, _ answer: @escaping (Bool) -> Void) {
        oneWay(from, to, deadline) { [self] in
            guard $0 else { return answer(false) }
            oneWay(to, from, deadline, answer)
        }
    }

    private func oneWay(_ from: Int, _ to: Int, _ deadline: UInt64, _ answer: @escaping (Bool) -> Void) {
        after(networkDelay(from, to)) { [self] in
            guard let until = blockedUntil(from, to) else { return answer(true) }
            guard until < deadline else { return at(deadline) { answer(false) } }
            at(until) { [self] in oneWay(from, to, deadline, answer) }
        }
    }

    /// - Parameter answer: nil where nobody answers.
    func dialCoordinator(from host: Int, _ answer: @escaping (SimulatedCoordinator?) -> Void) {
        let deadline = now + 5_000_000_000
        roundTrip(host, 0, until: deadline) { [self] isReached in
            var found = coordinator
            if let undead, found == nil || chance(1, of: 2) { found = undead }
            guard isReached, let found, found.listens else { return answer(nil) }
            // Its kernel takes the connection; it says nothing itself.
            if found.isStopped { return at(deadline) { answer(found.isStopped ? nil : found) } }
            answer(found)
        }
    }

    /// Dials a worker's data port.
    func dial(
        _ process: ProcessNumber, from host: Int, until deadline: UInt64, _ answer: @escaping (SimulatedWorker?) -> Void
    ) {
        guard let worker = workers.first(where: { $0.process == process }) else {
            violate("nobody is process \(process)")
            return answer(nil)
        }
        roundTrip(host, worker.host, until: deadline) { [self] isReached in
            guard isReached, worker.isAlive else { return answer(nil) }
            wait(for: worker, until: deadline, answer)
        }
    }

    private func wait(
        for worker: SimulatedWorker, until deadline: UInt64, _ answer: @escaping (SimulatedWorker?) -> Void
    ) {
        if !worker.isAlive || worker.isStopped && now >= deadline { return answer(nil) }
        guard worker.isStopped else { return answer(worker) }
        after(min(100_000_000, max(1, deadline - now))) { [self] in wait(for: worker, until: deadline, answer) }
    }

    func coordinator(of connection: Connection) -> SimulatedCoordinator? { connection.coordinator }

    func fsyncDelay() -> UInt64 {
        delay(scenario.fsync) + (now < slowDiskUntil ? delay(0...2_000_000_000) : 0)
    }

    var snapshotsFail: Bool { now < snapshotsFailUntil }
}
