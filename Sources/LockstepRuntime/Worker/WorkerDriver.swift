internal import LockstepCluster
internal import LockstepCollectives
internal import LockstepCore
internal import LockstepData
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
        /// The exchange of a turn is over; `lastMember` sent the last part of it.
        case exchanged(
            Turn, generation: UInt32, records: [ControlRecord], gradientBytes: Int, lastMember: String?)
        /// The bulk connection is open, and what was wanted has come.
        case bulkReady(Fetched)
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
    var preparation: Preparation?
    var job: ResolvedJob?
    var state: FlatState?
    /// What the job watches, a part of the state.
    var watched: WatchState
    private var work: GenerationWork?
    /// The exchange of a generation without other members, which needs no event loop.
    private var lone: ExchangeRunner?
    var spans: StepSpans?
    private var turnStart: UInt64 = 0
    private var lastMember: String?
    /// A training turn that was begun and not applied.
    private var broken: Turn?
    private var isStopping = false
    /// The step whose span waits for what still belongs to it: a share that is put aside.
    private var done: StepSpans.Step?
    private var share: ShareCopy?

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
        watched = WatchState()
    }

    /// Runs until the core says exit or `stop` comes.
    func run() {
        defer {
            flushSpan()
            work = nil
        }
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
            case .exchanged(let turn, let generation, let records, let gradientBytes, let lastMember):
                self.lastMember = lastMember
                if let event = summarized(turn, generation, records, gradientBytes: gradientBytes) { handle(event) }
            case .bulkReady(let fetched):
                if let event = finishPreparing(fetched) { handle(event) }
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
        case .begin(let turn, let isStopping):
            return begin(turn, isStopping: isStopping)
        case .record(let turn, let askedGeneration, let judgement, let hashesState):
            guard let work, let state else { return .failed(reason: "no generation is in hand") }
            let record = work.record(
                state: state, askedGeneration: askedGeneration, judgement: judgement, hashesState: hashesState)
            if let lone {
                lone.run(turn, record: record, isStopping: isStopping)
            } else {
                network.links.run(turn, record: record, isStopping: isStopping)
            }
            return nil
        case .apply(let turn, let summary):
            return apply(turn, summary)
        case .judge(let sums, let step):
            return judge(sums, step: step)
        case .copyShare(let fetch, _):
            copyShare(fetch)
            return nil
        case .park:
            network.links.park()
            lone = nil
            flushSpan()
            if let broken { spans?.recordBrokenStep(broken, start: turnStart, end: ProcessClock.now, reason: "parked") }
            broken = nil
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
        if turn.phase == .evaluation && work.schedule.isLast(turn) || work.schedule.isLastOfValidation(turn) {
            spans?.endEvaluation(at: ProcessClock.now)
        }
        do {
            let summary = try RecordSummary(
                records: records, tree: work.plan.tree, sumCount: work.plan.sumCount)
            return .turnFinished(
                turn, summary, gradientIsFinite: !turn.hasGradients || work.totalIsFinite,
                gradientBytesSent: gradientBytes)
        } catch {
            return .failed(reason: error.description)
        }
    }

    // MARK: Actions

    private func link(_ start: Start, dial: [Roster.Member]) -> WorkerEvent? {
        work = nil
        guard let job, let own = start.roster.index(of: core.identity.name), let schedule = core.schedule else {
            return .failed(reason: "START came before the job")
        }
        do {
            let work = try GenerationWork(
                roster: start.roster, own: own, job: job, kernels: settings.kernels, threads: settings.threads,
                schedule: schedule)
            self.work = work
            spans?.begin(start.traceContext, generation: start.roster.generation)
            begin(
                Exchange(plan: work.plan, generation: start.roster.generation, schedule: work.schedule),
                of: start.roster,
                work.memory)
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

    /// The data event loop carries an exchange between members; with one member it is over as soon as it begins.
    private func begin(_ exchange: Exchange, of roster: Roster, _ memory: ExchangeMemory) {
        guard roster.members.count == 1 else {
            lone = nil
            return network.links.begin(roster, exchange: exchange, memory: memory)
        }
        network.links.park()
        lone = ExchangeRunner(core: exchange, memory: memory) { [events] output in
            guard case .finished(let turn, let records, let gradientBytes, _) = output else { return }
            // Through the mailbox, so that whatever came meanwhile has its turn.
            events.post(
                .exchanged(
                    turn, generation: roster.generation, records: records, gradientBytes: gradientBytes,
                    lastMember: nil))
        }
    }

    private func begin(_ turn: Turn, isStopping: Bool) -> WorkerEvent? {
        turnStart = ProcessClock.now
        flushSpan()
        guard let work, let state else { return .failed(reason: "no generation is in hand") }
        self.isStopping = isStopping
        broken = turn.phase == .train ? turn : nil
        if isStopping { work.stopsEarly(after: turn) }
        if turn.phase == .evaluation, turn.step == 1 { spans?.beginEvaluation(at: turnStart) }
        if turn.phase == .validation, work.schedule.batch(ofValidation: turn) == 1 {
            spans?.beginEvaluation(at: turnStart)
        }
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
        // A turn without a batch has nothing to compute; its record follows by itself.
        return turn.hasBatch ? .computed(turn) : nil
    }

    private func apply(_ turn: Turn, _ summary: RecordSummary) -> WorkerEvent? {
        guard let job, let work, let state else { return .failed(reason: "no generation is in hand") }
        let exchanged = ProcessClock.now
        broken = nil
        work.apply(turn, summary, plateauFactor: watched.plateauFactor, to: state)
        let end = ProcessClock.now
        done = StepSpans.Step(
            turn: turn, epoch: job.order.epoch(ofStep: Int(turn.step)), times: work.times, start: turnStart,
            exchanged: exchanged, updated: end, end: end, snapshot: nil, waitedFor: lastMember)
        return .updated(
            work.report(
                turn, summary, plateauFactor: watched.plateauFactor, seconds: Double(end - turnStart) / 1e9))
    }

    /// Judges S(step) by its validation; the same in every worker, for all that it depends on is state.
    private func judge(_ sums: [Double], step: UInt32) -> WorkerEvent? {
        guard let job, let state, let watch = job.watch else { return .failed(reason: "nothing is watched") }
        guard let measures = job.measures(of: sums) else { return .failed(reason: "a validation without samples") }
        let outcome = watched.observe(watch, loss: measures.loss, metrics: measures.metrics, step: Int(step))
        if outcome.isImproved { state.keepBest() }
        // The best is what training ends with, whether it ends early or not.
        if outcome.stops || step == UInt32(job.stepCount) { state.restoreBest() }
        return .judged(
            isStopping: outcome.stops, snapshots: outcome.isBest && job.snapshots.best != nil, watchHash: watched.hash)
    }

    // MARK: The state

    /// What goes with the first share beside the vectors.
    private var numbers: [Double] {
        StateNumbers(watch: job?.watch == nil ? [] : watched.numbers, epochSums: core.lastEpoch).all
    }

    private func copyShare(_ fetch: Fetch) {
        // The last one is still on its way: the coordinator does without this one.
        guard let state, network.isBulkIdle else { return }
        let start = ProcessClock.now
        let count = StateShare.range(fetch.share, of: fetch.count, elementCount: state.layout.count).count
        let copy =
            share.flatMap { $0.count == count ? $0 : nil } ?? ShareCopy(count: count, vectors: 1 + state.vectors.count)
        copy.fill(from: state, fetch, numbers: numbers)
        share = copy
        network.sendBulk(ShareFrames(copy))
        let end = ProcessClock.now
        if let step = done {
            done = StepSpans.Step(
                turn: step.turn, epoch: step.epoch, times: step.times, start: step.start, exchanged: step.exchanged,
                updated: step.updated, end: end, snapshot: start..<end, waitedFor: step.waitedFor)
        }
    }

    private func sendShare(_ fetch: Fetch) {
        guard let state else { return }
        network.sendBulk(ShareFrames(of: state, fetch, numbers: numbers))
    }

    /// Gives the span of the last step away, once nothing more can belong to it.
    private func flushSpan() {
        if let done { spans?.record(done) }
        done = nil
    }
}
