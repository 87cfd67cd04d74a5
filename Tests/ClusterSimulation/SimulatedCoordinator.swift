import LockstepCluster
import LockstepCore

/// A frame of a share of the state on a bulk connection.
struct ShareFrame {
    let worker: SimulatedWorker
    let generation: UInt32
    let fetch: Fetch
    let isLast: Bool
    /// What the share was cut from.
    let state: SimulatedState
    let isCorrupt: Bool
}

/// A coordinator's process: the real core, and a shell in miniature. It does one thing at a time: while what was decided
/// goes to disk, everything else waits.
final class SimulatedCoordinator {
    unowned let simulation: ClusterSimulation
    var core: CoordinatorCore
    private(set) var isAlive = true
    /// Its initial records are durable.
    private(set) var listens = false
    private(set) var isStopped = false
    private(set) var wokenAt: UInt64 = 0
    private var isBusy = false
    /// In the order of arrival: events, and frames on bulk connections.
    private var waiting: [Arrival] = []
    private var firstWaiting = 0
    private var journaled = 0
    private var tickAt: UInt64?
    private var connections: [(number: ConnectionNumber, connection: Connection, worker: SimulatedWorker)] = []
    private var connectionCount = 0
    /// It was asked to stop the run: a few workers are enough to hand the state over.
    var isStopping = false
    /// After so many more actions it is killed.
    var diesAfter: Int?
    /// What is to be written next fails.
    var journalFails = false
    var outcome: CoordinatorAction?
    /// What it gives to workers that ask.
    var offered: SimulatedState?
    var collections = StateCollections()
    var writing: UInt32?
    /// The number of the last validation that was reported.
    var lastEvaluation: Int?
    /// Whether a generation worked before what goes on now.
    private(set) var hasWorked = false
    /// Whether the run was paused before what goes on now.
    private(set) var isPaused = false
    /// Trials that all have answered.
    var trials = 0

    init(_ simulation: ClusterSimulation, _ configuration: CoordinatorConfiguration, offered: SimulatedState?) {
        self.simulation = simulation
        self.offered = offered
        core = CoordinatorCore(configuration)
        #if LOCKSTEP_FAILPOINTS
        core.rules = simulation.scenario.rules
        #endif
        write { [self] in
            listens = true
            schedule()
        }
    }

    // MARK: The process

    func stop() { isStopped = true }

    func wake() {
        guard isStopped else { return }
        isStopped = false
        wokenAt = simulation.now
        if !isBusy { takeWaiting() }
    }

    func end(_ description: String) {
        guard isAlive else { return }
        simulation.note("the coordinator ends: \(description)")
        isAlive = false
        listens = false
        waiting = []
        for entry in connections { entry.connection.closeServer() }
        simulation.coordinatorEnded(self)
    }

    /// Its host is taken for dead: its connections are gone, and what it writes is in vain.
    func bury() {
        isBuried = true
        keptReports = simulation.disk.reportedSteps.last ?? 0
        journalFails = true
        // What it takes in now must not count as kept.
        waiting = []
        firstWaiting = 0
        for entry in connections { entry.connection.reset() }
    }

    private(set) var isBuried = false
    /// What it has on disk, once it is buried.
    private(set) var keptReports: UInt32 = 0

    // MARK: Events

    private enum Arrival {
        case event(CoordinatorEvent)
        case frame(ShareFrame, Connection)
    }

    func handle(_ event: CoordinatorEvent) { arrive(.event(event)) }

    /// A frame of a share has come.
    func receive(_ frame: ShareFrame, on connection: Connection) { arrive(.frame(frame, connection)) }

    private func arrive(_ arrival: Arrival) {
        guard isAlive else { return }
        waiting.append(arrival)
        if !isBusy, !isStopped { takeWaiting() }
    }

    /// What follows from what is being taken, before anything else.
    func handleFirst(_ event: CoordinatorEvent) { waiting.insert(.event(event), at: firstWaiting) }

    private func takeWaiting() {
        while isAlive, !isBusy, !isStopped, firstWaiting < waiting.count {
            let arrival = waiting[firstWaiting]
            firstWaiting += 1
            if firstWaiting == waiting.count {
                waiting.removeAll(keepingCapacity: true)
                firstWaiting = 0
            }
            switch arrival {
            case .event(let event): carryOut(event)
            case .frame(let frame, let connection): take(frame, on: connection)
            }
        }
        schedule()
    }

    private func carryOut(_ event: CoordinatorEvent) {
        let hadEnded = core.mode == .ended
        simulation.note("coordinator hears \(event)")
        let actions = core.handle(event, at: simulation.now)
        noteMode()
        if case .tick = event, core.mode == .running, !core.isLinking, let roster = core.roster {
            simulation.checkAllTakePart(in: roster)
        }
        for action in actions where hadEnded {
            if case .send(_, .release) = action { continue }
            simulation.violate("after the end: \(action)")
        }
        if simulation.flaw == .journalsLater {
            perform(actions[...])
            write {}
        } else if journaled < core.journal.count {
            write { [self] in perform(actions[...]) }
        } else {
            perform(actions[...])
        }
    }

    private func noteMode() {
        switch core.mode {
        case .running:
            hasWorked = true
            isPaused = false
        case .gathering, .recovering, .measuring:
            hasWorked = false
            isPaused = false
        case .paused:
            hasWorked = false
            isPaused = true
            // All stood still for it.
            simulation.liveness.plan = nil
        case .planned, .freezing, .collecting, .writing, .ended: break
        }
    }

    /// Puts what the core has decided on disk, then goes on.
    private func write(_ done: @escaping () -> Void) {
        let count = core.journal.count
        guard journaled < count else { return done() }
        isBusy = true
        let time = simulation.now + simulation.fsyncDelay()
        simulation.at(time) { [self] in
            guard isAlive else { return }
            if journalFails {
                simulation.note("the journal takes no more")
                return end("the run cannot go on without its journal")
            }
            simulation.wrote(core.journal[journaled..<count])
            journaled = count
            isBusy = false
            done()
            if isAlive { takeWaiting() }
        }
    }

    /// A crash: of what is on its way to the disk any number of whole records may be there.
    func kill() {
        guard isAlive else { return }
        if isBusy, !isBuried {
            let count = simulation.delay(0...UInt64(core.journal.count - journaled))
            simulation.wrote(core.journal[journaled..<journaled + Int(count)])
        }
        if simulation.flaw == .forgetsJournal { simulation.disk.forget(2) }
        end("signal 9 (SIGKILL)")
    }

    /// A trace is the same each time: a dictionary has no order.
    private func shown(_ action: CoordinatorAction) -> String {
        guard case .log(let level, let text, _) = action else { return "\(action)" }
        return "log(\(level), \(text))"
    }

    private func perform(_ actions: ArraySlice<CoordinatorAction>) {
        for action in actions {
            if let left = diesAfter {
                if left == 0 { return kill() }
                diesAfter = left - 1
            }
            simulation.note("coordinator: \(shown(action))")
            perform(action)
            guard isAlive else { return }
        }
    }

    private func schedule() {
        guard isAlive, let deadline = core.nextDeadline, deadline < tickAt ?? UInt64.max else { return }
        tickAt = deadline
        simulation.at(max(simulation.now, deadline)) { [self] in
            guard tickAt == deadline else { return }
            tickAt = nil
            handle(.tick)
        }
    }

    // MARK: Connections

    /// A connection is open, and HELLO on its way.
    func accept(_ connection: Connection, _ hello: Hello, of worker: SimulatedWorker) {
        connection.coordinator = self
        connection.toServer.send { [self] in
            guard isAlive else { return connection.closeServer() }
            guard connection.serverIsOpen else { return }
            connectionCount += 1
            let number = ConnectionNumber(connectionCount)
            connections.append((number, connection, worker))
            connection.serverClosed = { [self] reason in
                connections.removeAll { $0.number == number }
                if case .control = hello.purpose { simulation.checkNoticed(worker, by: self) }
                guard simulation.flaw != .deafToEnds else { return }
                handle(.closed(number, reason: reason))
            }
            handle(.helloReceived(number, authenticatedName: worker.name, hello))
        }
    }

    /// Whether it may believe so: an end may be on its way.
    func isConnected(to worker: SimulatedWorker) -> Bool { connections.contains { $0.worker === worker } }

    func number(of connection: Connection) -> ConnectionNumber? {
        connections.first { $0.connection === connection }?.number
    }

    func receive(_ message: ControlMessage, on connection: Connection) {
        guard isAlive, connection.serverIsOpen, let number = number(of: connection) else { return }
        simulation.delivered(message, to: nil)
        if case .frozen(let frozen) = message, let worker = connections.first(where: { $0.number == number })?.worker {
            simulation.answers[frozen.generation, default: []].append(worker)
        }
        // Nobody may believe that it keeps reports.
        if isBuried, case .progress = message { return }
        handle(.message(number, message))
        if case .frozen(let frozen) = message { simulation.checkDecision(frozen, at: self) }
    }

    func send(_ message: ControlMessage, on number: ConnectionNumber) {
        guard let entry = connections.first(where: { $0.number == number }), entry.connection.serverIsOpen else {
            return
        }
        let message = isBuried ? withoutLostReports(message) : message
        simulation.sent(message)
        let connection = entry.connection
        let worker = entry.worker
        connection.toClient.send { worker.receive(message, on: connection) }
    }

    func close(_ number: ConnectionNumber, _ reason: String) {
        guard let index = connections.firstIndex(where: { $0.number == number }) else { return }
        let connection = connections.remove(at: index).connection
        connection.closeServer(reason)
    }

    /// Streams the offered state to a worker that asked for it.
    func stream(to worker: SimulatedWorker, on connection: Connection, _ done: @escaping (SimulatedState) -> Void) {
        guard isAlive, connection.serverIsOpen, let number = number(of: connection), let offered,
            core.bulkOwner(of: number) == worker.name
        else { return simulation.after(100_000_000) { [self] in again(worker, connection, done) } }
        handle(.streamed(name: worker.name))
        connection.toClient.send { done(offered) }
    }

    /// HELLO may be on its way still, and the state not yet read.
    private func again(_ worker: SimulatedWorker, _ connection: Connection, _ done: @escaping (SimulatedState) -> Void)
    {
        guard isAlive, connection.serverIsOpen else { return }
        stream(to: worker, on: connection, done)
    }
}
