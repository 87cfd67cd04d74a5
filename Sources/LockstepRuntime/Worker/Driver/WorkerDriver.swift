internal import LockstepCluster
internal import LockstepCollectives
internal import LockstepCore
internal import LockstepEngine
internal import LockstepJobs
internal import LockstepModels
internal import Logging

/// The one thread that owns a worker's core: events from its mailbox in, the core's actions carried out. It waits for
/// compute threads, the exchange and the coordinator, so it is no thread of a pool.
// Safe: everything that changes is touched by the driver's thread only; others post into the mailbox.
final class WorkerDriver: @unchecked Sendable {
    enum Event: Sendable {
        case core(WorkerEvent)
        /// Of the rail with this number.
        case rail(Int, Rail.Event)
        case exchanged(RunningExchange.End)
        /// Of a feed of which this worker is the source.
        case feedEnded(OutgoingFeed, OutgoingFeed.End)
        /// Of a feed of which this worker is the observer.
        case observed(IncomingFeed, IncomingFeed.Event)
        /// What was wanted has come on the bulk connection; the number is that of the asking.
        case bulkReady(Int, Fetched)
        /// A connection that the core knows nothing of has ended, and the worker cannot go on without it.
        case lost(CommandError)
        /// The process ends.
        case stop
    }

    /// What tasks and event loops tell the driver.
    let events: Mailbox<Event>

    let settings: WorkerSettings
    let network: WorkerNetwork
    private let ended: @Sendable (ExitCode, String) -> Void
    var core: WorkerCore
    private var published = WorkerStanding()
    var preparation: Preparation?
    /// The first one.
    var welcome: Welcome?
    var fetchCount = 0
    var job: ResolvedJob?
    var state: FlatState?
    /// Open while others may read the state.
    var gate: StateGate?
    /// What the job watches, a part of the state.
    var watched: WatchState
    var cores: HostCores

    /// The rails that this worker offers, from PREPARED on.
    var rails: RailGroup?
    /// The generation whose links are made or used.
    var linking: LinkedGeneration?
    /// A generation whose work is not made yet.
    var starting: Start?
    /// The roster whose state is on its way here.
    var levelling: Roster?
    var exchangeCount = 0
    /// Vectors as long as the parameters, for generations and feeds; from PREPARED on.
    var vectors: FloatPool?
    /// A generation's work and exchange, or a trial's.
    var work: GenerationWork?
    var exchange: RunningExchange?
    var trial: TrialRun?

    var spans: StepSpans?
    var turnStart: UInt64 = 0
    var lastMember: String?
    /// Whether training stops with the turn in hand.
    var isStopping = false
    /// A training turn that was begun and not applied.
    var broken: Turn?
    /// The step whose span waits for what still belongs to it: a share that is put aside.
    var done: StepSpans.Step?
    var share: ShareCopy?

    /// Whether the records of the turn in hand say what the state's hash is.
    var isStateHashed = false
    /// Whom this worker feeds; nil while that is nobody.
    var feeds: Feeds?
    /// The feeds that are open here, by number.
    var observed: [Int: Observed] = [:]
    /// What an observer updates its state with.
    var feedExecutor: Executor?

    init(
        settings: WorkerSettings, identity: WorkerIdentity, network: WorkerNetwork, events: Mailbox<Event>,
        ended: @escaping @Sendable (ExitCode, String) -> Void
    ) {
        self.settings = settings
        self.network = network
        self.events = events
        self.ended = ended
        // A coordinator that is stopped for a while (Ctrl-Z) is waited for as long as one that is not there yet.
        var timing = settings.timing
        timing.patience = UInt64(settings.patience * 1e9)
        #if LOCKSTEP_FAILPOINTS
        if let deadline = Failpoints.current.deadline { timing.shorten(to: deadline) }
        #endif
        core = WorkerCore(identity, timing: timing)
        watched = WatchState()
        cores = HostCores(threads: settings.threads, isShared: !settings.hasOwnCores)
    }

    /// Runs until the core says exit or `stop` comes.
    func run() {
        defer {
            flushSpan()
            endGeneration()
            closeFeeds()
            endObserving()
        }
        while core.state != .ended {
            // Before the deadline is judged, and past all that waits in the mailbox: a long computation must not make
            // the coordinator look silent.
            if let step = network.takeHeard() { handle(.heard(reportedStep: step)) }
            var wait: Double?
            if let deadline = core.nextDeadline {
                let now = ProcessClock.now
                // Also where one event follows the other without a pause.
                if deadline <= now { handle(.tick) }
                wait = max(deadline > now ? Double(deadline - now) / 1e9 : 0, 0.001)
            }
            guard core.state != .ended else { return }
            let next: Event? = if let wait { events.take(within: wait) } else { events.take() }
            switch next {
            case nil: break
            case .core(let event): handle(event)
            case .rail(_, .staged(let staged, let generation)):
                if let event = received(staged, generation: generation) { handle(event) }
            case .rail(_, let event): if let event = linked(event) { handle(event) }
            case .exchanged(let end): if let event = exchanged(end) { handle(event) }
            case .feedEnded(let feed, let end): if let event = ended(feed, end) { handle(event) }
            case .observed(let feed, let event): if let event = observed(feed, event) { handle(event) }
            case .bulkReady(let number, let fetched):
                if number == fetchCount, let event = received(fetched) { handle(event) }
            case .lost(let error): ended(error.exitCode, error.message)
            case .stop: return
            }
        }
    }

    private func handle(_ event: WorkerEvent) {
        // Actions can have answers at once, which count before anything that waits in the mailbox.
        var pending = [event]
        while !pending.isEmpty {
            let actions = core.handle(pending.removeFirst(), at: ProcessClock.now)
            settings.status.update {
                $0.generation = core.running
                $0.step = Int(core.currentStep)
                $0.stage = core.stage
            }
            publishStanding()
            for action in actions {
                if let answer = perform(action) { pending.append(answer) }
            }
        }
    }

    private func publishStanding() {
        let standing = core.standing
        guard standing != published else { return }
        published = standing
        network.publish(standing)
    }

    /// - Returns: the answer to the action, where there is one at once.
    private func perform(_ action: WorkerAction) -> WorkerEvent? {
        switch action {
        case .send(let connection, let message):
            network.send(message, on: connection)
            return nil
        case .dialAgain(let reason):
            settings.logger.info("the coordinator is dialled again: \(reason)")
            network.dialAgain(reason: reason)
            return nil
        case .closeConnection(let connection, let reason):
            settings.logger.info("closed the control connection: \(reason)")
            network.close(connection)
            return nil
        case .prepare(let welcome):
            return prepare(welcome)
        case .linkToMeasure(let measure):
            return link(toMeasure: measure)
        case .measure(let measure):
            return self.measure(measure)
        case .link(let start):
            return link(start)
        case .linkAhead(let change):
            linkAhead(change)
            return nil
        case .begin(let turn, let isStopping):
            return begin(turn, isStopping: isStopping)
        case .record(let turn, let askedGeneration, let judgement, let hashesState):
            return record(turn, askedGeneration: askedGeneration, judgement: judgement, hashesState: hashesState)
        case .auditLane(let turn, let lane):
            return auditLane(lane, of: turn)
        case .apply(let turn, let summary):
            return apply(turn, summary)
        case .judge(let sums, let step):
            return judge(sums, step: step)
        case .copyShare(let fetch, _):
            copyShare(fetch)
            return nil
        case .park:
            return park()
        case .hashState:
            return hashState()
        case .preflight(let preflight):
            network.preflight(preflight)
            return nil
        case .feed(let order):
            return feed(order.observer)
        case .endFeeds:
            closeFeeds()
            vectors?.empty()
            return nil
        case .take(_, let number):
            return take(feed: number)
        case .dropFeed(let number, let reason):
            dropFeed(number, reason: reason)
            return nil
        case .reach(let members, let limit):
            network.reach(members, generation: core.promised, limit: limit)
            return nil
        case .level(let roster):
            return level(roster)
        case .serve(let roster):
            serve(roster)
            return nil
        case .sendShare(let fetch):
            sendShare(fetch)
            return nil
        case .exit(let code, let reason):
            ended(code, reason)
            return nil
        }
    }
}
