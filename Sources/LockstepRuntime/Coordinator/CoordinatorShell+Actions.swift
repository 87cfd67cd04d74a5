internal import LockstepCluster
internal import LockstepCore
internal import LockstepFormats
internal import Logging
internal import NIOPosix
internal import Tracing

/// What the core wants done, and the steps that it reports.
extension CoordinatorShell {
    mutating func perform(_ action: CoordinatorAction) {
        switch action {
        case .send(let connection, let message):
            #if LOCKSTEP_FAILPOINTS
            Failpoints.current.pass(message, step: lastReport?.step ?? 0, isSent: false)
            defer { Failpoints.current.pass(message, step: lastReport?.step ?? 0, isSent: true) }
            #endif
            connections.send(covered(message), on: connection)
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
            throughput.start(now: ProcessClock.seconds)
            let isTakenOver = roster.generation == run.history.lastRoster?.generation
            logger.info(
                isTakenOver
                    ? "all \(roster.members.count) workers are at work; training goes on"
                    : "all \(roster.members.count) workers are ready; training begins")
        case .generationBegins(let roster):
            collections.dropIncomplete()
            throughput.start(now: ProcessClock.seconds)
            let names = roster.members.map { $0.name.escapedForDisplay() }.joined(separator: ", ")
            logger.info("generation \(roster.generation) begins after step \(roster.startStep): \(names)")
        case .incident(let incident): show(incident)
        case .damage(let worker, let damage): show(damage, of: worker)
        case .offerState: offerState()
        case .collectState(let step, let shares):
            if collections.expectLast(step, shares) { events.post(.core(.stateCollected(step: step))) }
        case .writeSnapshot(let step, let hash, let isBest): writeSnapshot(step, hash: hash, isBest: isBest)
        case .dropState(let step): _ = collections.take(step)
        case .report(let reports): show(reports)
        case .evaluated(let evaluation): show(evaluation)
        case .finish(let result): finish(result)
        case .fail(let verdict): fail(verdict)
        }
    }

    /// What a worker is told to be reported it forgets, so it is what will survive: `metrics.jsonl` is synchronized as
    /// often as workers are pinged, by a thread that may wait for the disk.
    private func covered(_ message: ControlMessage) -> ControlMessage {
        switch message {
        case .ping(var ping):
            ping.reportedStep = run.recorder.toldByPing(upTo: ping.reportedStep)
            synchronizeReports()
            return .ping(ping)
        case .welcome(var welcome):
            welcome.reportedStep = run.recorder.covered(upTo: welcome.reportedStep)
            return .welcome(welcome)
        default: return message
        }
    }

    private func synchronizeReports() {
        guard run.recorder.beginsSynchronizing() else { return }
        NIOThreadPool.singleton.submit { [recorder = run.recorder, logger] _ in
            CoordinatorShell.synchronize(recorder, logger)
        }
    }

    /// Waits for the disk.
    static func synchronize(_ recorder: RunRecorder, _ logger: Logger) {
        do throws(CommandError) {
            try recorder.synchronize()
        } catch {
            logger.warning("\(error.message); a loss of power may cost its last lines")
        }
    }

    private mutating func show(_ reports: [StepReport]) {
        let now = ProcessClock.seconds
        for report in reports {
            lastReport = report
            throughput.add(report, now: now)
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
            try run.recorder.append(RunReport.metrics(report), step: report.step)
        } catch {
            metricsAreLost = true
            logger.error("\(error.message); steps from \(report.step) on are missing there")
        }
    }
}

extension CoordinatorAction {
    /// Whether it pings a worker.
    var isPing: Bool {
        if case .send(_, .ping) = self { true } else { false }
    }
}
