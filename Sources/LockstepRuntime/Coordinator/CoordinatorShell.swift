internal import LockstepCluster
internal import LockstepCollectives
internal import LockstepCore
internal import LockstepData
internal import LockstepEngine
internal import LockstepFormats
internal import LockstepJobs
internal import LockstepWire
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import Tracing

/// The one task that owns a coordinator's core: events in, the core's actions carried out.
struct CoordinatorShell {
    private let settings: CoordinatorSettings
    private let recorder: RunRecorder
    private let events: CoordinatorEvents
    private let connections: CoordinatorConnections
    private let writer: StateWriter
    private let report: RunReport
    private let span: any Span
    private let runName: String
    private var core: CoordinatorCore
    private var display: ProgressDisplay
    private var collector: StateCollector?
    private var verified: FlatState?
    private var snapshot: WrittenSnapshot?
    private var startedAt: Double?
    private var lastStep: UInt32 = 0
    private var lastStepAt = 0.0
    private var samples = 0
    private var metricsAreLost = false
    private var outcome: RunOutcome?
    /// The lines that workers send, where no launcher in this process reads their output.
    private let workerLogs: WorkerLogs?

    init(
        settings: CoordinatorSettings, recorder: RunRecorder, runName: String, events: CoordinatorEvents,
        connections: CoordinatorConnections
    ) {
        self.settings = settings
        self.recorder = recorder
        self.runName = runName
        self.events = events
        self.connections = connections
        let job = settings.job.job
        workerLogs = settings.lastLines == nil ? WorkerLogs(recorder.directory) : nil
        writer = StateWriter(job: job, runDirectory: recorder.directory)
        report = RunReport(job: job, runDirectory: recorder.directory)
        span = settings.tracer.startSpan("run", context: .topLevel, ofKind: .internal)
        span.attributes["job"] = job.name
        span.attributes["run"] = runName
        display = ProgressDisplay(
            columns: settings.output.columns, epochs: job.epochCount, steps: job.stepCount,
            stepsPerEpoch: job.order.stepsPerEpoch, write: settings.output.progress)
        core = CoordinatorCore(
            CoordinatorConfiguration(
                workers: settings.workers, laneCount: job.laneTree.laneCount, version: lockstepVersion,
                welcome: CoordinatorShell.welcome(
                    settings, runName: runName,
                    traceContext: TraceContext.fields(of: span.context, tracer: settings.tracer))))
    }

    static func welcome(_ settings: CoordinatorSettings, runName: String, traceContext: [ContextField]) -> Welcome {
        Welcome(
            runIdentifier: runName, incarnation: 1, clusterName: settings.identity.name.cluster,
            job: settings.job.encodedSource, files: settings.job.files, traceContext: traceContext)
    }

    /// - Returns: how the run ended; nil where it was interrupted.
    mutating func run() async -> RunOutcome? {
        defer { span.end() }
        let end: RunOutcome?? = await events.forEach { event in
            switch event {
            case .core(let event): handle(event)
            case .bulk(let number, let frame): receive(frame, on: number)
            case .stateVerified(let state, let step):
                verified = state
                handle(.stateCollected(step: step))
            case .snapshotWritten(let snapshot, let step):
                self.snapshot = snapshot
                handle(.snapshotWritten(step: step))
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
        default: collect(frame, from: name)
        }
    }

    private mutating func handle(_ event: CoordinatorEvent) {
        for action in core.handle(event, at: ProcessClock.now) { perform(action) }
    }

    private var logger: Logger {
        var logger = settings.logger
        logger[metadataKey: "run"] = "\(runName)"
        logger[metadataKey: "generation"] = "\(core.roster?.generation ?? 0)"
        logger[metadataKey: "step"] = "\(lastStep)"
        return logger
    }

    private mutating func perform(_ action: CoordinatorAction) {
        switch action {
        case .send(let connection, let message): connections.send(message, on: connection)
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
        case .workersReady(let roster):
            startedAt = ProcessClock.seconds
            logger.info("all \(roster.members.count) workers are ready; training begins")
        case .collectState(let step, let shares):
            collector = StateCollector(
                step: step, shares: shares, vectorCount: 1 + report.job.plan.optimizer.vectorNames.count,
                elementCount: report.job.plan.layout.count)
        case .writeSnapshot(let step): writeSnapshot(step)
        case .report(let reports): show(reports)
        case .finish(let result): finish(result)
        case .fail(let verdict): fail(verdict)
        }
    }

    // MARK: Steps

    private mutating func show(_ reports: [StepReport]) {
        let now = ProcessClock.seconds
        lastStepAt = now
        for report in reports {
            lastStep = report.step
            samples += Int(report.samples)
            record(report)
            if settings.output.json { settings.output.result(RunReport.event(report).text) }
            display.add(report, now: now)
        }
    }

    /// A full disk does not end a run whose state is sound, but it is said.
    private mutating func record(_ report: StepReport) {
        guard !metricsAreLost else { return }
        do throws(CommandError) {
            try recorder.append(RunReport.metrics(report))
        } catch {
            metricsAreLost = true
            logger.error("\(error.message); steps from \(report.step) on are missing there")
        }
    }

    // MARK: The state

    private mutating func collect(_ frame: ControlFrame, from name: String) {
        guard case .collecting(let step, let hash) = core.mode, var collector else { return }
        do {
            try frame.payload.withUnsafeReadableBytes { bytes throws(StateCollector.Fault) in
                try collector.receive(frame.header, bytes, from: name)
            }
        } catch {
            return handle(.stateInvalid(reason: error.reason))
        }
        self.collector = collector
        handle(.shareReceived(name: name))
        guard collector.isComplete else { return }
        self.collector = nil
        // The whole state is copied and hashed on a thread that may take its time.
        let complete = collector
        NIOThreadPool.singleton.submit { [writer, events] _ in
            do {
                guard let state = try writer.verified(complete, hash: hash) else {
                    return events.post(.core(.stateInvalid(reason: "its hash is not \(hash)")))
                }
                events.post(.stateVerified(state, step: step))
            } catch {
                events.post(.core(.stateInvalid(reason: String(describing: error))))
            }
        }
    }

    private mutating func writeSnapshot(_ step: UInt32) {
        guard let state = verified else { return }
        verified = nil
        // Files are written on a thread that may wait for the disk.
        NIOThreadPool.singleton.submit { [writer, events, tracer = settings.tracer, context = span.context] _ in
            let span = tracer.startSpan("snapshot", context: context, ofKind: .internal)
            span.attributes["step"] = Int64(step)
            let event: CoordinatorEvents.Event
            do throws(CommandError) {
                event = .snapshotWritten(try writer.write(state, step: Int(step)), step: step)
            } catch {
                span.recordError(error)
                event = .core(.snapshotFailed(reason: error.message))
            }
            // The run may end with this event, and its span after this one.
            span.end()
            events.post(event)
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
                    ? report.finished(result, snapshot: snapshot, steps: steps, times: times).text
                    : report.summary(result, snapshot: snapshot, steps: steps, times: times))
        case .stopped(let reason):
            let kept = snapshot.map { "; S(\(result.snapshotStep ?? 0)) is kept in \($0.path)" } ?? "; no snapshot"
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
