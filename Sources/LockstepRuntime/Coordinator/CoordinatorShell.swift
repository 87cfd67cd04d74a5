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
    private var display: ProgressDisplay
    var collections: StateCollections
    var snapshot: WrittenSnapshot?
    private var startedAt: Double?
    let openedAt = ProcessClock.seconds
    var lastReport: StepReport?
    /// The last failures that the run survived, oldest first.
    var incidents: [IncidentReport] = []
    private var lastStepAt = 0.0
    private var samples = 0
    private var metricsAreLost = false
    private var outcome: RunOutcome?
    /// The lines that workers send, where no launcher in this process reads their output.
    private let workerLogs: WorkerLogs?

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
        if let resumed = run.resumed {
            let progress = job.order.progress(afterStep: Int(resumed.step))
            if progress.samplesDone < job.order.count, let measures = job.measures(of: resumed.epochSums) {
                display.resume(
                    epoch: progress.epoch, samples: progress.samplesDone, loss: measures.loss,
                    metrics: measures.metrics.map(\.value))
            }
        }
        collections = StateCollections(
            vectorCount: 1 + job.vectorNames.count, elementCount: job.plan.layout.count,
            numberCount: StateNumbers.count(of: job))
        let stateBytes = 4 * job.plan.layout.count * (1 + job.vectorNames.count)
        core = CoordinatorCore(
            CoordinatorConfiguration(
                workers: settings.workers, laneCount: job.laneTree.laneCount, purpose: settings.purpose,
                elementCount: job.plan.layout.count, exchange: settings.exchange, version: lockstepVersion,
                welcome: CoordinatorShell.welcome(
                    settings, runName: run.name, incarnation: run.incarnation, resumed: run.resumed,
                    reportedStep: run.reportedStep,
                    traceContext: TraceContext.fields(of: span.context, tracer: tracing.tracer)),
                timing: CoordinatorShell.timing,
                start: run.resumed.map { CoordinatorConfiguration.StartPoint(step: $0.step, hash: $0.hash) },
                greatestGeneration: run.journal.history.greatestGeneration, resumedFrom: run.resumed?.path,
                snapshotEverySteps: UInt32(job.snapshotEverySteps), snapshotsBest: job.snapshots.best != nil,
                snapshotBacklog: max(1, min(16, CoordinatorShell.backlogBytes / max(1, stateBytes))),
                minWorkers: settings.endurance.minWorkers, maxFailures: settings.endurance.maxFailures,
                history: run.history))
    }

    private static var timing: CoordinatorConfiguration.Timing {
        #if LOCKSTEP_FAILPOINTS
        var timing = CoordinatorConfiguration.Timing()
        if let deadline = Failpoints.current.deadline { timing.shorten(to: deadline) }
        return timing
        #else
        return CoordinatorConfiguration.Timing()
        #endif
    }

    /// Bytes of states that may wait for the disk.
    private static let backlogBytes = 256 << 20

    static func welcome(
        _ settings: CoordinatorSettings, runName: String, incarnation: UInt32, resumed: ResumedState?,
        reportedStep: UInt32 = 0, traceContext: [ContextField]
    ) -> Welcome {
        Welcome(
            runIdentifier: runName, incarnation: incarnation, clusterName: settings.identity.name.cluster,
            job: settings.job.encodedSource, files: settings.job.files,
            state: resumed.map { state in
                StateOffer(
                    step: state.step, byteCount: state.vectors.reduce(0) { $0 + $1.count },
                    stateDigest: state.stateDigest)
            }, fewestLinks: settings.offeredLinks.lowerBound, mostLinks: settings.offeredLinks.upperBound,
            reportedStep: reportedStep, traceContext: traceContext)
    }

    /// - Returns: how the run ended; nil where it was interrupted.
    mutating func run() async -> RunOutcome? {
        defer {
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
            case .interrupt:
                display.endLine()
                return .some(nil)
            }
            return outcome.map { .some($0) }
        }
        return end ?? nil
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
        for action in actions { perform(action) }
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

    private mutating func perform(_ action: CoordinatorAction) {
        switch action {
        case .send(let connection, let message):
            #if LOCKSTEP_FAILPOINTS
            Failpoints.current.pass(message, step: lastReport?.step ?? 0, isSent: false)
            defer { Failpoints.current.pass(message, step: lastReport?.step ?? 0, isSent: true) }
            #endif
            connections.send(message, on: connection)
        case .refuse(let connection, let reason): connections.refuse(connection, reason)
        case .close(let connection, let reason):
            logger.debug("closing a connection: \(reason)")
            connections.close(connection)
        case .log(let level, let text, let metadata):
            let level: Logger.Level =
                switch level {
                case .info: .info
                case .warning: .warning
                case .error: .error
                }
            logger.log(level: level, "\(text)", metadata: metadata.mapValues { "\($0)" })
        case .measured(let result): settings.measured?(result)
        case .tuned(let tuned): settings.tuned?(tuned)
        case .workersReady(let roster):
            startedAt = ProcessClock.seconds
            let isTakenOver = roster.generation == run.history.lastRoster?.generation
            logger.info(
                isTakenOver
                    ? "all \(roster.members.count) workers are at work; training goes on"
                    : "all \(roster.members.count) workers are ready; training begins")
        case .generationBegins(let roster):
            collections.dropIncomplete()
            startedAt = startedAt ?? ProcessClock.seconds
            let names = roster.members.map { $0.name.escapedForDisplay() }.joined(separator: ", ")
            logger.info("generation \(roster.generation) begins after step \(roster.startStep): \(names)")
        case .incident(let incident): show(incident)
        case .damage(let worker, let damage): show(damage, of: worker)
        case .offerState: offerState()
        case .collectState(let step, let shares): collections.expectLast(step, shares)
        case .writeSnapshot(let step, let hash, let isBest): writeSnapshot(step, hash: hash, isBest: isBest)
        case .dropState(let step): _ = collections.take(step)
        case .report(let reports): show(reports)
        case .evaluated(let evaluation): show(evaluation)
        case .finish(let result): finish(result)
        case .fail(let verdict): fail(verdict)
        }
    }

    // MARK: Steps

    private mutating func show(_ reports: [StepReport]) {
        let now = ProcessClock.seconds
        lastStepAt = now
        for report in reports {
            lastReport = report
            samples += Int(report.samples)
            record(report)
            if settings.output.json { settings.output.result(RunReport.event(report).text) }
            display.add(report, now: now)
        }
    }

    private func show(_ evaluation: EvaluationReport) {
        if settings.output.json { settings.output.result(report.event(evaluation).text) }
        logger.info("validation after step \(evaluation.step): \(report.text(evaluation))")
    }

    /// A full disk does not end a run whose state is sound, but it is said.
    private mutating func record(_ report: StepReport) {
        guard !metricsAreLost else { return }
        do throws(CommandError) {
            try run.recorder.append(RunReport.metrics(report))
        } catch {
            metricsAreLost = true
            logger.error("\(error.message); steps from \(report.step) on are missing there")
        }
    }

    // MARK: The end

    private mutating func finish(_ result: RunResult) {
        display.endLine()
        switch result.outcome {
        case .completed:
            outcome = RunOutcome(exitCode: result.exitCode, message: "")
            guard let snapshot else { return }
            let steps = Int(result.snapshotStep ?? 0)
            let seconds = max(lastStepAt - (startedAt ?? lastStepAt), 1e-9)
            let times = RunTimes(seconds: seconds, samplesPerSecond: Double(samples) / seconds)
            settings.output.result(
                settings.output.json
                    ? report.finished(result, of: run, snapshot: snapshot, steps: steps, times: times).text
                    : report.summary(result, snapshot: snapshot, steps: steps, times: times))
        case .measured: outcome = RunOutcome(exitCode: result.exitCode, message: "")
        case .stopped(let reason):
            let kept =
                snapshot.map { "; S(\($0.step)) is kept in \($0.path)" }
                ?? run.resumed.map { "; S(\($0.step)) is kept in \($0.path)" } ?? "; no snapshot"
            outcome = RunOutcome(exitCode: result.exitCode, message: "the run was stopped: \(reason)\(kept)")
        }
    }

    private mutating func fail(_ verdict: Verdict) {
        display.endLine()
        var lines = [verdict.message]
        let written = verdict.worker.map { workerLogs?.lastLines(of: $0) ?? settings.lastLines?($0) ?? [] } ?? []
        if let worker = verdict.worker, !written.isEmpty {
            lines.append("  last lines of \(worker.escapedForDisplay()):")
            lines += written.map { "    \($0.escapedForDisplay(limit: 400))" }
        }
        span.setStatus(SpanStatus(code: .error, message: verdict.message))
        outcome = RunOutcome(exitCode: verdict.exitCode, message: lines.joined(separator: "\n"))
    }
}
