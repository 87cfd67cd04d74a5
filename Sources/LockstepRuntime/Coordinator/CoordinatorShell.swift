internal import LockstepCluster
internal import LockstepCollectives
internal import LockstepCore
internal import LockstepData
internal import LockstepEngine
internal import LockstepFormats
internal import LockstepJobs
internal import LockstepSnapshots
internal import LockstepTracing
internal import LockstepWire
internal import Logging
internal import NIOCore
internal import Tracing

/// The one task that owns a coordinator's core: events in, the core's actions carried out.
struct CoordinatorShell {
    let settings: CoordinatorSettings
    let run: OpenedRun
    let events: CoordinatorEvents
    let connections: CoordinatorConnections
    let offered: OfferedState
    private let ending: RunEnding
    let writer: StateWriter
    let report: RunReport
    let tracing: ProcessTracing
    let traces: SpanFiles
    let span: any Span
    var core: CoordinatorCore
    /// Records of the core's journal that are on disk.
    private var journaled = 0
    /// It was said that the journal takes no more.
    private var journalIsBroken = false
    var display: ProgressDisplay
    var collections: StateCollections
    var snapshot: WrittenSnapshot?
    let openedAt = ProcessClock.seconds
    /// What the run does, as `status` says it, and since when.
    private(set) var state = (text: "", since: ProcessClock.seconds)
    var lastReport: StepReport?
    /// The last failures that the run survived, oldest first.
    var incidents: [IncidentReport] = []
    private var observations = Observations()
    /// Of the last workers whose state was damaged, what it was.
    var damages: [(worker: String, Damage)] = []
    /// In which generation each worker has told of damage last.
    var damageHeard: [String: UInt32] = [:]
    var throughput = Throughput()
    var metricsAreLost = false
    var outcome: RunOutcome?
    /// The lines that workers send, where no launcher in this process reads their output.
    let workerLogs: WorkerLogs?

    init(
        settings: CoordinatorSettings, run: OpenedRun, events: CoordinatorEvents,
        connections: CoordinatorConnections, offered: OfferedState, ending: RunEnding
    ) {
        self.settings = settings
        self.run = run
        self.events = events
        self.connections = connections
        self.offered = offered
        self.ending = ending
        let job = settings.job.job
        workerLogs = settings.lastLines == nil ? WorkerLogs(run.directory) : nil
        writer = StateWriter(job: job, run: run.name, store: run.store)
        report = RunReport(job: job, runDirectory: run.directory)
        tracing = ProcessTracing(
            backend: settings.tracer, process: "coordinator", host: Machine.hostName, settings: job.traces)
        traces = SpanFiles(directory: run.directory.traces)
        span = tracing.tracer.startSpan(TraceName.run, context: .topLevel, ofKind: .internal)
        span.attributes["job"] = job.name
        span.attributes["run"] = run.name
        display = ProgressDisplay(
            columns: settings.output.columns, epochs: job.epochCount, steps: job.stepCount,
            stepsPerEpoch: job.order.stepsPerEpoch, write: settings.output.progress)
        if let epoch = run.recorder.kept.epoch { display.resume(epoch.summary) }
        collections = StateCollections(
            vectorCount: 1 + job.vectorNames.count, elementCount: job.plan.layout.count,
            numberCount: StateNumbers.count(of: job))
        core = CoordinatorCore(
            CoordinatorShell.configuration(
                settings, run: run,
                traceContext: TraceContext.fields(of: span.context, tracer: tracing.tracer)))
        state.text = RunStatus.state(core)
    }

    /// - Returns: how the run ended; nil where it was interrupted.
    mutating func run() async -> RunOutcome? {
        defer {
            observations.end()
            span.end()
            writeSpans()
        }
        do throws(CommandError) {
            try journal()
        } catch {
            return RunOutcome(exitCode: error.exitCode, message: error.message)
        }
        let end: RunOutcome?? = await events.forEach { event in
            switch event {
            case .core(let event): handle(event)
            case .bulk(let number, let frame): receive(frame, on: number)
            case .snapshotWritten(let snapshot, let pruned, let step):
                self.snapshot = snapshot
                for failure in pruned?.failures ?? [] {
                    logger.warning("an old snapshot could not be removed: \(failure)")
                }
                handle(.snapshotWritten(step: step, digest: snapshot.stateDigest))
            case .request(let request, let answer): answer(self.answer(request))
            case .tick:
                if let deadline = core.nextDeadline, ProcessClock.now >= deadline { handle(.tick) }
                observe()
            case .interrupt:
                display.endLine()
                return .some(nil)
            }
            return outcome.map { .some($0) }
        }
        return end ?? nil
    }

    private mutating func observe() {
        let hasEnded = observations.update(
            core.workerReadings, generation: core.roster?.generation ?? 0, tracer: tracing.tracer,
            context: span.context)
        if hasEnded { writeSpans() }
    }

    /// Takes a frame from a worker's current bulk connection; another process of its name has no say.
    private mutating func receive(_ frame: ControlFrame, on number: ConnectionNumber) {
        guard let name = core.bulkOwner(of: number) else { return }
        switch frame.header.kind {
        case .log: workerLogs?.append(String(decoding: frame.payload.readableBytesView, as: UTF8.self), of: name)
        case .spans: writeSpans(Array(frame.payload.readableBytesView), of: name)
        default: collect(frame, from: name)
        }
    }

    mutating func handle(_ event: CoordinatorEvent) {
        let actions = core.handle(event, at: ProcessClock.now)
        do throws(CommandError) {
            try journal()
        } catch {
            // Nobody may hear of a decision that could be forgotten.
            guard outcome == nil else { return }
            display.endLine()
            outcome = RunOutcome(
                exitCode: .failed, message: "\(error.message); the run cannot go on without its journal")
            return
        }
        if actions.contains(where: \.isPing) { run.recorder.beginPings() }
        for action in actions { perform(action) }
        let text = RunStatus.state(core)
        if text != state.text { state = (text, ProcessClock.seconds) }
        if core.mode == .ended || core.stopping != nil { ending.begin() }
    }

    /// Puts what the core has decided since the last time on disk.
    private mutating func journal() throws(CommandError) {
        while journaled < core.journal.count {
            let record = core.journal[journaled]
            do throws(CommandError) {
                try run.journal.append(record)
            } catch {
                // Without these a later coordinator knows less, but nothing wrong.
                switch record {
                case .incarnation, .generation, .roster, .probe: throw error
                case .snapshot, .verdict, .final:
                    if !journalIsBroken { logger.warning("\(error.message)") }
                    journalIsBroken = true
                }
            }
            journaled += 1
        }
    }

    var logger: Logger {
        var logger = settings.logger
        logger[metadataKey: "run"] = "\(run.name)"
        logger[metadataKey: "generation"] = "\(core.roster?.generation ?? 0)"
        logger[metadataKey: "step"] = "\(lastReport?.step ?? run.reportedStep)"
        return logger
    }
}
