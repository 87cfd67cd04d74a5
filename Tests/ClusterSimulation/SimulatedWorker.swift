import LockstepCluster
import LockstepCollectives
import LockstepCore

/// A worker's process: the real core and the real exchange, and a shell in miniature.
///
/// It has an event loop, which answers pings, and a driver, to which everything else goes. A stopped process (SIGSTOP) does
/// neither until it is woken; what comes for it waits. A hung one computes for ever.
final class SimulatedWorker {
    unowned let simulation: ClusterSimulation
    /// Among all processes.
    let number: Int
    let name: String
    let host: Int
    var core: WorkerCore
    private(set) var isAlive = true
    private(set) var isStopped = false
    var exitCode: ExitCode?
    /// Its computations do not end.
    var isHung = false
    /// Of a generation that is over something is computed still.
    var leavesComputation = false
    /// Its driver waits for a computation that does not end.
    var isStuck = false
    /// It was asked to leave.
    var isLeaving = false
    /// What came while the process was stopped, or its driver stuck.
    private var deferred: [() -> Void] = []
    private var tickAt: UInt64?

    var control: (number: ConnectionNumber, connection: Connection)?
    private var controlCount = 0
    private var redials = 0
    private var heardAt: UInt64
    private var isDialling = false
    var bulk: Connection?
    var bulkIsWanted = false
    /// What is to be asked for as soon as the bulk connection is open.
    var wanted: (() -> Void)?

    var state = SimulatedState()
    /// Whether it has made or received a state.
    var hasState = false
    /// S(N−1), which nobody may take for S(N).
    var previous = SimulatedState()
    /// Its state was damaged.
    var isCorrupt = false
    /// Counts what the driver began; what ends after a `park` is nobody's.
    var workNumber = 0
    /// Says of which turn and state the sums of the turn in hand are.
    var mark: Float = 0
    var generation: LinkedGeneration?
    /// Links of generations that are not known here yet.
    var early: [DataLink] = []
    /// Whom it dials for a generation that is planned.
    var ahead: (generation: UInt32, processes: Set<ProcessNumber>) = (0, [])
    var levelling: Levelling?
    /// So many of its audited lanes come to something else than they should.
    var wrongLanes = 0
    /// Those whom it feeds.
    var feeds: [OutgoingFeed] = []
    /// The feeds that it is fed by, of which the newest counts, and how many there were.
    var incomings: [FeedLink] = []
    var incoming: FeedLink? { incomings.last }
    var feedCount = 0
    var preflightNumber = 0
    /// It has said what it holds for this generation: that stays as it is.
    var frozenFor: UInt32?
    /// What it takes to take an item, for a while.
    var slowTaking: (time: UInt64, until: UInt64)?
    /// The rails that it offers.
    let rails: Int

    init(_ simulation: ClusterSimulation, number: Int, name: String, host: Int) {
        self.simulation = simulation
        self.number = number
        self.name = name
        self.host = host
        heardAt = simulation.now
        let cores = 1 + number % 3
        rails = simulation.scenario.wish.links ?? cores
        var timing = WorkerCore.Timing()
        simulation.scenario.shorten(&timing)
        core = WorkerCore(
            WorkerIdentity(
                name: name, process: ProcessNumber(UInt64(number) + 1000), host: "h\(host)",
                processIdentifier: Int32(number), version: "1", instructionSet: "avx2", threads: 1, cores: cores,
                hasOwnCores: true), timing: timing)
        #if LOCKSTEP_FAILPOINTS
        core.rules = simulation.scenario.rules
        #endif
    }

    var process: ProcessNumber { core.identity.process }
    /// Whether it does what it is told.
    var isPresent: Bool { isAlive && !isStopped && !isHung }

    // MARK: The process

    func start() { dial() }

    /// Runs now, or when the process is woken.
    func whenAwake(_ work: @escaping () -> Void) {
        guard isAlive else { return }
        if isStopped { deferred.append(work) } else { work() }
    }

    /// Something of the driver's comes after a while, unless the process has ended.
    func later(_ range: ClosedRange<UInt64>, _ work: @escaping () -> Void) {
        simulation.after(simulation.delay(range)) { [self] in whenAwake(work) }
    }

    /// Like `later`, but nothing comes of it when the driver has parked meanwhile.
    func compute(_ range: ClosedRange<UInt64>, _ work: @escaping () -> Void) {
        let number = workNumber
        later(range) { [self] in if number == workNumber, !isHung { work() } }
    }

    func stop() { isStopped = true }

    func wake() {
        guard isStopped else { return }
        isStopped = false
        let work = deferred
        deferred = []
        for work in work { whenAwake(work) }
    }

    /// The simulation is over: what holds this process is dropped.
    func forget() {
        deferred = []
        wanted = nil
        generation = nil
        early = []
        feeds = []
        incomings = []
    }

    /// The process is gone: its connections end.
    func end(_ description: String) {
        guard isAlive else { return }
        simulation.note("\(self) ends: \(description)")
        isAlive = false
        deferred = []
        control?.connection.closeClient()
        bulk?.closeClient()
        for link in (generation?.linksInOrder ?? []) + early { link.close(self) }
        for feed in feeds { feed.link?.connection.closeClient() }
        for link in incomings { link.connection.closeServer() }
        feeds = []
        incomings = []
        simulation.workerEnded(self, description)
    }

    // MARK: The driver

    func handle(_ event: WorkerEvent) {
        guard isAlive else { return }
        if isStuck { return }
        var pending = [event]
        while !pending.isEmpty, isAlive {
            let event = pending.removeFirst()
            for action in core.handle(event, at: simulation.now) {
                guard isAlive, !isStuck else { return }
                if let answer = perform(action) { pending.append(answer) }
            }
        }
        simulation.check(self)
        guard isAlive, let deadline = core.nextDeadline, deadline < tickAt ?? UInt64.max else { return }
        tickAt = deadline
        simulation.at(max(simulation.now, deadline)) { [self] in
            whenAwake { [self] in
                guard tickAt == deadline else { return }
                tickAt = nil
                handle(.tick)
            }
        }
    }

    // MARK: The coordinator

    func dial() {
        guard isAlive, !isDialling else { return }
        isDialling = true
        // The way there and back, so that the connection is open; then HELLO.
        simulation.dialCoordinator(from: host) { [self] coordinator in
            whenAwake { [self] in
                isDialling = false
                guard let coordinator, coordinator.listens else { return redial() }
                open(coordinator)
            }
        }
    }

    func redial() {
        if simulation.now - heardAt > 600_000_000_000 {
            exitCode = .temporary
            return end("the coordinator cannot be reached")
        }
        redials += 1
        let pause = simulation.scenario.redialPause(redials)
        simulation.after(pause) { [self] in whenAwake { [self] in dial() } }
    }

    private func open(_ coordinator: SimulatedCoordinator) {
        controlCount += 1
        let number = ConnectionNumber(controlCount)
        let connection = Connection(simulation, client: host, server: 0)
        control = (number, connection)
        let hello = core.identity.hello(.control, core.standing)
        coordinator.accept(connection, hello, of: self)
        connection.clientClosed = { [self] reason in
            whenAwake { [self] in handle(.controlLost(number, reason: reason)) }
        }
        handle(.connected(number))
    }

    /// A message of the coordinator's has come.
    func receive(_ message: ControlMessage, on connection: Connection) {
        whenAwake { [self] in
            guard let control, control.connection === connection, connection.clientIsOpen else { return }
            simulation.delivered(message, to: self)
            switch message {
            case .welcome:
                redials = 0
                heardAt = simulation.now
            case .ping(let ping):
                let pong = pong(ping.nonce)
                send(pong, on: control.number)
                return handle(.heard(reportedStep: ping.reportedStep))
            default: break
            }
            handle(.message(control.number, message))
        }
    }

    func send(_ message: ControlMessage, on number: ConnectionNumber) {
        guard let control, control.number == number else { return }
        let connection = control.connection
        guard connection.clientIsOpen else { return }
        if case .frozen(let frozen) = message {
            if frozen.holding != nil { frozenFor = frozen.generation }
            if leavesComputation { simulation.violate("\(self) says that it stands still, and computes") }
        }
        let coordinator = simulation.coordinator(of: connection)
        connection.toServer.send { coordinator?.receive(message, on: connection) }
    }

    /// What the event loop answers to a ping, without the core.
    private func pong(_ nonce: UInt64) -> ControlMessage {
        let names = core.roster?.members.map(\.name) ?? []
        let waitingFor = (generation?.exchange?.core.waitingFor ?? []).compactMap { index in
            names.indices.contains(index) ? names[index] : nil
        }
        return .pong(Pong(nonce: nonce, step: core.currentStep, stage: core.stage, waitingFor: waitingFor))
    }
}

extension SimulatedWorker: CustomStringConvertible {
    var description: String { "\(name)#\(number)" }
}
