internal import LockstepCluster
internal import LockstepCollectives
internal import LockstepCore
internal import LockstepData
internal import LockstepEngine
internal import LockstepJobs
internal import LockstepWire
internal import Logging
internal import NIOCore
internal import Tracing

/// The one thread that owns a worker's core: events from its mailbox in, the core's actions carried out. It waits for
/// compute threads, the exchange and the coordinator, so it is no thread of a pool.
// Safe: everything that changes is touched by the driver's thread only; others post into the mailbox.
final class WorkerDriver: @unchecked Sendable {
    enum Event: Sendable {
        case core(WorkerEvent)
        /// The exchange of a turn is over.
        case exchanged(Turn, generation: UInt32, records: [ControlRecord], gradientBytes: Int)
        /// A connection that the core knows nothing of has ended, and the worker cannot go on without it.
        case lost(CommandError)
        /// The process ends.
        case stop
    }

    /// What tasks and event loops tell the driver.
    let events: Mailbox<Event>

    private let settings: WorkerSettings
    private let network: WorkerNetwork
    private let ended: @Sendable (ExitCode, String) -> Void
    private var core: WorkerCore
    private var job: ResolvedJob?
    private var state: FlatState?
    private var work: GenerationWork?
    private var spans: StepSpans
    private var turnStart: UInt64 = 0

    init(
        settings: WorkerSettings, identity: WorkerIdentity, network: WorkerNetwork, events: Mailbox<Event>,
        ended: @escaping @Sendable (ExitCode, String) -> Void
    ) {
        self.settings = settings
        self.network = network
        self.events = events
        self.ended = ended
        // A coordinator that is stopped for a while (Ctrl-Z) is waited for as long as one that is not there yet.
        var timing = WorkerCore.Timing()
        timing.silence = max(timing.silence, UInt64(settings.patience * 1e9))
        core = WorkerCore(identity, timing: timing)
        spans = StepSpans(tracer: settings.tracer, worker: identity.name)
    }

    /// Runs until the core says exit or `stop` comes.
    func run() {
        defer { work = nil }
        while core.state != .ended {
            // Before the deadline is judged, and past all that waits in the mailbox: a long computation must not make
            // the coordinator look silent.
            if network.takeHeard() { handle(.heard) }
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
            case .exchanged(let turn, let generation, let records, let gradientBytes):
                if let event = summarized(turn, generation, records, gradientBytes: gradientBytes) { handle(event) }
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
            for action in actions {
                if let answer = perform(action) { pending.append(answer) }
            }
        }
    }

    /// - Returns: the answer to the action, where there is one at once.
    private func perform(_ action: WorkerAction) -> WorkerEvent? {
        switch action {
        case .send(let connection, let message):
            network.send(message, on: connection)
            return nil
        case .dialAgain(let reason):
            settings.logger.info("the coordinator is not there yet: \(reason)")
            network.dialAgain(reason: reason)
            return nil
        case .prepare(let welcome):
            return prepare(welcome)
        case .link(let start, let dial):
            return link(start, dial: dial)
        case .begin(let turn):
            return begin(turn)
        case .record(let turn, let askedGeneration):
            guard let work, let state else { return .failed(reason: "no generation is in hand") }
            network.links.run(turn, record: work.record(state: state, askedGeneration: askedGeneration))
            return nil
        case .apply(let turn, let summary):
            return apply(turn, summary)
        case .park:
            network.links.park()
            work = nil
            return .parked
        case .hashState:
            return state.map { .stateHashed($0.hash(settings.kernels)) }
        case .sendShare(let fetch):
            sendShare(fetch)
            return nil
        case .exit(let code, let reason):
            ended(code, reason)
            return nil
        }
    }

    /// The records of a turn become one summary, the same in every worker.
    private func summarized(
        _ turn: Turn, _ generation: UInt32, _ records: [ControlRecord], gradientBytes: Int
    ) -> WorkerEvent? {
        guard let work, work.roster.generation == generation else { return nil }
        if turn == work.schedule.last, turn.phase == .evaluation { spans.endEvaluation(at: ProcessClock.now) }
        do {
            let summary = try RecordSummary(
                records: records, tree: work.plan.tree, sumCount: GenerationWork.sumCount)
            return .turnFinished(
                turn, summary, gradientIsFinite: !turn.hasGradients || work.totalIsFinite,
                gradientBytesSent: gradientBytes)
        } catch {
            return .failed(reason: error.description)
        }
    }

    // MARK: Actions

    private func prepare(_ welcome: Welcome) -> WorkerEvent? {
        settings.status.update { $0.run = welcome.runIdentifier }
        do {
            let prepared = try PreparedJob(
                welcome: welcome, dataDirectory: DataDirectory(root: settings.dataDirectory))
            let state = try FlatState(plan: prepared.job.plan, seed: prepared.job.seed)
            job = prepared.job
            self.state = state
            network.prepare(
                WorkerPreparation(
                    planDigest: prepared.job.plan.digest.description, step: 0,
                    stateHash: state.hash(settings.kernels), lastStep: UInt32(prepared.job.stepCount),
                    evaluationBatches: UInt32(prepared.job.testOrder?.stepsPerEpoch ?? 0), host: "", port: 0))
            return nil
        } catch let error as CommandError {
            return .unable(Unable(exitCode: error.exitCode, message: error.message))
        } catch {
            return .unable(Unable(exitCode: .failed, message: String(describing: error).escapedForDisplay()))
        }
    }

    private func link(_ start: Start, dial: [Roster.Member]) -> WorkerEvent? {
        work = nil
        guard let job, let own = start.roster.index(of: core.identity.name) else {
            return .failed(reason: "START came before the job")
        }
        do {
            let work = try GenerationWork(
                roster: start.roster, own: own, job: job, kernels: settings.kernels, threads: settings.threads)
            self.work = work
            spans.begin(start.traceContext, generation: start.roster.generation)
            network.links.begin(
                start.roster,
                exchange: Exchange(plan: work.plan, generation: start.roster.generation, schedule: work.schedule),
                memory: work.memory)
            for member in dial {
                network.link(from: start.roster.members[own], to: member, generation: start.roster.generation)
            }
            settings.logger.info("generation begins", metadata: ["lanes": "\(work.lanes)"])
            return nil
        } catch let error as CommandError {
            return .failed(reason: error.message)
        } catch {
            return .failed(reason: String(describing: error).escapedForDisplay())
        }
    }

    private func begin(_ turn: Turn) -> WorkerEvent? {
        guard let work, let state else { return .failed(reason: "no generation is in hand") }
        turnStart = ProcessClock.now
        if turn.phase == .evaluation, turn.step == 1 { spans.beginEvaluation(at: turnStart) }
        let step = turn.phase == .train ? Int(turn.step) : Int(core.step)
        #if LOCKSTEP_FAILPOINTS
        if let fault = Failpoints.current.flipParameter, turn.phase == .train, turn.step == fault.step,
            core.identity.name == fault.worker
        {
            state.parameters[0] = Float(bitPattern: state.parameters[0].bitPattern ^ 1)
        }
        #endif
        work.compute(turn, state: state) { [settings] stage in
            settings.status.update {
                $0.step = step
                $0.stage = stage
            }
        }
        // The closing turn has nothing to compute; its record follows by itself.
        return turn.phase == .closing ? nil : .computed(turn)
    }

    private func apply(_ turn: Turn, _ summary: RecordSummary) -> WorkerEvent? {
        guard let work, let state else { return .failed(reason: "no generation is in hand") }
        let exchanged = ProcessClock.now
        work.apply(turn, summary, to: state)
        let end = ProcessClock.now
        spans.record(turn, times: work.times, start: turnStart, exchanged: exchanged, end: end)
        return .updated(work.report(turn, summary, seconds: Double(end - turnStart) / 1e9))
    }

    private func sendShare(_ fetch: Fetch) {
        guard let state else { return }
        network.sendBulk(ShareFrames(of: state, fetch))
    }
}
