package import LockstepCluster
import LockstepCore
package import LockstepTestSupport

/// A cluster in one thread: the real cores and exchanges, and around them hosts, processes, a network and a disk whose every
/// delay and fault is drawn from a seed. Coordinators and workers come and go until the job is done.
///
/// What must hold is checked at every event; the first thing that does not ends the simulation.
package final class ClusterSimulation {
    package let scenario: Scenario
    package let flaw: Flaw
    /// What does not hold; nil where all does.
    package private(set) var violation: String?
    /// Lines of what happened, where they are wanted.
    package private(set) var trace: [String] = []
    private let isTraced: Bool
    package internal(set) var counts = Counts()

    package private(set) var now: UInt64 = 0
    var random: SeededGenerator
    private var queue = EventQueue<() -> Void>()

    package internal(set) var disk = SimulatedDisk()
    var coordinator: SimulatedCoordinator?
    /// A coordinator that was given up, and answers all the same.
    var undead: SimulatedCoordinator?
    var workers: [SimulatedWorker] = []
    /// All that there ever were.
    var connections: [Connection] = []
    /// What workers said that all agreed on.
    var agreed: [UInt32: Bool] = [:]
    var isComplete = false
    /// Who was there when the run became complete.
    var released: [SimulatedWorker] = []
    /// Who said FROZEN, for each generation.
    var answers: [UInt32: [SimulatedWorker]] = [:]
    /// When all members had said FROZEN for a generation.
    var membersAnswered: [UInt32: UInt64] = [:]
    /// When the last roster was.
    var decidedAt: UInt64 = 0
    /// Rosters that were sent or journaled.
    var rosters: [UInt32: Roster] = [:]
    var network = NetworkState()
    var liveness = Liveness()
    var schedule: FaultSchedule
    /// What is to happen to which process, as faults have it.
    var curses: [ObjectIdentifier: Set<Curse>] = [:]
    var everCursed: Set<Curse> = []
    var hasMiscomputed = false
    var notFinite: (step: UInt32, lane: Int)?
    /// That was mended after a verdict on it; another coordinator may hear of it still.
    var mended: (step: UInt32, lane: Int)?
    var snapshotsFailUntil: UInt64 = 0
    var slowDiskUntil: UInt64 = 0
    /// The second that goes on, and the events in it so far.
    private var second: (number: UInt64, events: Int) = (0, 0)
    /// It is given up, excused or not.
    var isEndless = false

    enum Curse {
        case staleShares, misjudge, wrongSums, unable
    }

    package init(_ scenario: Scenario, flaw: Flaw = .none, isTraced: Bool = false) {
        self.scenario = scenario
        self.flaw = flaw
        self.isTraced = isTraced
        random = SeededGenerator(seed: scenario.seed ^ 0xC1)
        schedule = FaultSchedule(scenario.faults)
    }

    /// Until nothing happens any more, or something does not hold.
    package func run() {
        startCoordinator()
        for index in 0..<scenario.workers + scenario.spares {
            after(delay(0...50_000_000)) { [self] in startWorker("w\(index)", host: host(ofNumber: index)) }
        }
        release()
        while violation == nil, !isEndless, let (time, event) = queue.next() {
            now = time
            count()
            event()
            if violation == nil { checkLiveness() }
        }
        if violation == nil { checkEnd() }
        // Closures that hold the simulation go, and what holds each other.
        queue = EventQueue()
        for connection in connections { connection.forget() }
        for worker in workers { worker.forget() }
        connections = []
        workers = []
        coordinator = nil
        undead = nil
        answers = [:]
        released = []
    }

    /// However long a run takes, which is checked elsewhere, no second of it is endless.
    private func count() {
        counts.events += 1
        let number = now / 1_000_000_000
        second = (number, number == second.number ? second.events + 1 : 1)
        guard second.events > 200_000 else { return }
        violate("events without end")
        isEndless = true
    }

    func violate(_ text: String) {
        guard violation == nil, !counts.isExcused else { return }
        note("VIOLATION: \(text)")
        violation = text
    }

    func note(_ text: @autoclosure () -> String) {
        guard isTraced else { return }
        trace.append("\(Double(now / 1000) / 1e6): \(text())")
    }

    // MARK: Time

    func at(_ time: UInt64, _ event: @escaping () -> Void) { queue.add(event, at: max(now, time)) }

    func after(_ delay: UInt64, _ event: @escaping () -> Void) { queue.add(event, at: now + delay) }

    func delay(_ range: ClosedRange<UInt64>) -> UInt64 { UInt64.random(in: range, using: &random) }

    func chance(_ count: UInt64, of all: UInt64) -> Bool { delay(0...all - 1) < count }

    // MARK: Processes

    func startWorker(_ name: String, host: Int) {
        guard !isComplete else { return }
        let worker = SimulatedWorker(self, number: workers.count, name: name, host: host)
        workers.append(worker)
        note("\(worker) starts on host \(host)")
        liveness.disturb(now, by: .join)
        worker.start()
    }

    func startCoordinator() {
        guard coordinator == nil, !isComplete else { return }
        var history = disk.history
        if history.isFinal { return complete() }
        // The workers of a launcher died with it.
        if scenario.hasLauncher {
            history = JournalRecord.replay(
                disk.journal.filter { if case .roster = $0 { false } else { true } })
        }
        counts.coordinators += 1
        note("a coordinator starts: incarnation \(history.greatestIncarnation + 1)")
        liveness.disturb(now, by: .join)
        let newest = disk.snapshots.max { $0.step < $1.step }
        let offer = newest.map { state in
            StateOffer(
                step: state.step, byteCount: 64, stateDigest: DigestBuilder.digest(of: [UInt8(state.step & 255)]))
        }
        let welcome = Welcome(
            runIdentifier: "r", incarnation: history.greatestIncarnation + 1, clusterName: "c", job: "", files: [],
            state: offer, reportedStep: max(disk.reportedSteps.last ?? 0, newest?.step ?? 0), traceContext: [])
        var timing = CoordinatorConfiguration.Timing()
        scenario.shorten(&timing)
        coordinator = SimulatedCoordinator(
            self,
            CoordinatorConfiguration(
                workers: scenario.workers, laneCount: scenario.job.lanes, elementCount: scenario.elementCount,
                exchange: scenario.wish, version: "1", welcome: welcome, timing: timing, departures: 10_000,
                start: newest.map { CoordinatorConfiguration.StartPoint(step: $0.step, hash: $0.hash) },
                greatestGeneration: history.greatestGeneration,
                snapshotEverySteps: scenario.job.snapshotEverySteps, snapshotsBest: scenario.job.snapshotsBest,
                snapshotBacklog: scenario.snapshotBacklog, auditEverySteps: scenario.auditEverySteps,
                minWorkers: scenario.minWorkers, maxFailures: 100_000, spares: scenario.spares, history: history),
            offered: newest)
    }

    func workerEnded(_ worker: SimulatedWorker, _ description: String) {
        // Who was let go is missed by nobody.
        liveness.disturb(now, by: worker.isLeaving && worker.exitCode == .temporary ? .leave(worker: 0) : nil)
        curses[ObjectIdentifier(worker)] = nil
        if scenario.hasLauncher {
            after(delay(100_000...200_000_000)) { [self] in
                coordinator?.handle(
                    .processEnded(
                        name: worker.name, processIdentifier: Int32(worker.number), description: description))
            }
        }
        guard worker.exitCode != .success, !isComplete else { return }
        after(delay(scenario.restart)) { [self] in supervise(worker.name, worker.host) }
    }

    /// Somebody sees to it that there are as many processes as are wanted.
    private func supervise(_ name: String, _ host: Int) {
        guard !isComplete else { return }
        // A launcher's workers wait for it; others come before the coordinator does.
        if scenario.hasLauncher, coordinator == nil {
            return after(delay(scenario.restart)) { [self] in supervise(name, host) }
        }
        let living = Set(workers.filter { $0.isAlive && !$0.isLeaving }.map(\.name))
        let wanted = scenario.workers + scenario.spares
        guard living.count < wanted else { return }
        if !living.contains(name) { return startWorker(name, host: host) }
        guard let index = (0..<wanted).first(where: { !living.contains("w\($0)") }) else { return }
        startWorker("w\(index)", host: self.host(ofNumber: index))
    }

    private func host(ofNumber index: Int) -> Int { 1 + index % scenario.workers }

    func coordinatorEnded(_ ended: SimulatedCoordinator) {
        if undead === ended { undead = nil }
        guard coordinator === ended else { return }
        counts.trials += ended.trials
        liveness.plan = nil
        coordinator = nil
        liveness.disturb(now)
        if scenario.hasLauncher {
            // A closed pipe is their death signal.
            for worker in workers where worker.isAlive {
                after(delay(1_000_000...1_000_000_000)) { worker.end("its launcher is gone") }
            }
        }
        guard !isComplete else { return }
        after(delay(scenario.restart) + (scenario.hasLauncher ? 1_000_000_000 : 0)) { [self] in startCoordinator() }
    }

    /// The coordinator's core has said how the run ends.
    func ended(_ ended: SimulatedCoordinator, with action: CoordinatorAction) {
        check(action)
        liveness.disturb(now)
        switch action {
        case .finish(let result) where result.outcome == .completed: complete()
        case .finish: counts.stops += 1
        default: counts.verdicts += 1
        }
        // It says so to those that come late, for a while.
        after(delay(100_000_000...3_000_000_000)) { ended.end("the run has ended") }
    }

    private func complete() {
        isComplete = true
        if let coordinator, !network.isDisturbed(now), now > liveness.harmedAt + 2_000_000_000 {
            let members = coordinator.core.roster?.members ?? []
            released = workers.filter { worker in
                worker.isPresent && !worker.isLeaving && worker.control?.connection.coordinator === coordinator
                    && worker.control?.connection.clientIsOpen == true
                    && members.contains { $0.process == worker.process }
            }
        }
        note("the run is complete")
    }

    // MARK: Messages

    /// The coordinator sends a message. What it says must be on disk by then.
    func sent(_ message: ControlMessage) {
        switch message {
        case .start(let start):
            checkDurable(start.roster)
            // What was waited for before may have been a trial.
            if !liveness.hasBegun { liveness.disturb(now, by: .join) }
            liveness.hasBegun = true
        case .measure(let measure): checkDurable(measure.roster)
        case .freeze(let freeze):
            checkDurable(freeze.generation)
            // One out of a pause is no failure, unless who is given up in it is only late.
            if coordinator?.isPaused != true || liveness.needsTimeOuts || scenario.deadline != nil {
                liveness.freezes.insert(freeze.generation)
            }
            checkPlan(endedBy: freeze.generation)
        case .plan(let change):
            checkDurable(change.generation)
            if liveness.plan?.generation != change.generation { liveness.plan = (change.generation, now) }
        case .welcome(let welcome):
            if disk.incarnationIsUnknown(welcome.incarnation) {
                violate("incarnation \(welcome.incarnation) is said before it is on disk")
            }
        default: break
        }
        if let point = Fault.Point(rawValue: message.type) { happened(point, at: nil) }
    }

    func delivered(_ message: ControlMessage, to worker: SimulatedWorker?) {
        note("\(worker.map { "\($0)" } ?? "coordinator") gets \(message)")
        if case .progress(let progress) = message {
            for state in progress.agreed { agreed[state.step] = true }
        }
        if let point = Fault.Point(rawValue: message.type) { happened(point, at: worker) }
    }

    // MARK: Curses

    func isCursed(_ worker: SimulatedWorker, _ curse: Curse) -> Bool {
        curses[ObjectIdentifier(worker)]?.contains(curse) ?? false
    }

    func sendsStaleShares(_ worker: SimulatedWorker) -> Bool { isCursed(worker, .staleShares) }

    func sumsWrongly(_ worker: SimulatedWorker) -> Bool { isCursed(worker, .wrongSums) }

    func unable(_ worker: SimulatedWorker) -> String? { isCursed(worker, .unable) ? "a file is missing" : nil }

    func misjudges(_ worker: SimulatedWorker) -> Bool {
        curses[ObjectIdentifier(worker)]?.remove(.misjudge) != nil
    }

    func probe(of worker: SimulatedWorker) -> StateHash { StateHash(high: 0x9B0BE, low: 0) }
}
