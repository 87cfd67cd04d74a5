internal import LockstepCluster
internal import LockstepCollectives
internal import LockstepCore
internal import LockstepFormats
internal import LockstepJobs

/// What a coordinator says of its run when it is asked.
struct RunStatus {
    let core: CoordinatorCore
    let report: RunReport
    let run: OpenedRun
    let lastReport: StepReport?
    let snapshot: WrittenSnapshot?
    /// The last ones, oldest first.
    let incidents: [IncidentReport]
    let openedAt: Double
    /// Since when its state has been what it is.
    let stateSince: Double

    var value: JSONValue {
        let job = report.job
        let now = ProcessClock.now
        var object = JSONObject([
            ("event", "status"), ("run", .string(run.name)), ("job", .string(job.name)),
            ("state", .string(RunStatus.state(core))),
            ("seconds", .number(ProcessClock.seconds - openedAt)),
            ("stateSeconds", .number(ProcessClock.seconds - stateSince)),
            ("step", .number(lastReport?.step ?? run.reportedStep)), ("steps", .number(job.stepCount)),
            ("epochs", .number(job.epochCount)),
        ])
        for member in lastLine?.members ?? [] { object[member.key] = member.value }
        // A generation that measures has not chosen yet.
        let chosen = core.mode == .measuring ? nil : core.roster?.exchange
        object["exchange"] = chosen.map(RunStatus.exchange) ?? .null
        object["generation"] = .number(core.roster?.generation ?? 0)
        object["incarnation"] = .number(run.incarnation)
        object["workers"] = .array(core.workerReadings.map { RunStatus.worker($0, at: now) })
        object["quarantined"] = .array(
            core.quarantined.map { ["name": .string($0.name), "reason": .string($0.reason)] })
        object["spares"] = .number(core.configuration.spares)
        object["minWorkers"] = .number(core.configuration.minWorkers)
        object["pause"] = core.pauseReason.map { .string($0) } ?? .null
        object["auditEverySteps"] = .number(core.configuration.auditEverySteps)
        object["lanesAudited"] = .number(core.lanesAudited)
        object["incidentCount"] = .number(core.incidentCount)
        object["incidents"] = .array(incidents.map { $0.value(at: now) })
        object["snapshot"] = newestSnapshot
        object["problem"] = (core.stopping.map { "stopping: \($0)" } ?? core.heldBack).map { .string($0) } ?? .null
        object["runDirectory"] = .string(run.directory.path)
        return .object(object)
    }

    /// The last step that was reported, also where that was to an earlier coordinator.
    private var lastLine: JSONObject? {
        if let lastReport { return RunReport.metrics(lastReport).object }
        let kept = run.recorder.kept
        return kept.lastStep == run.reportedStep ? kept.lastLine?.object : nil
    }

    private var newestSnapshot: JSONValue {
        if let snapshot {
            return ["step": .number(snapshot.step), "best": .bool(snapshot.isBest), "path": .string(snapshot.path)]
        }
        return run.resumed.map { ["step": .number($0.step), "path": .string($0.path)] } ?? .null
    }

    /// What the run does, in a few words.
    static func state(_ core: CoordinatorCore) -> String {
        switch core.mode {
        case .gathering: "waiting for workers"
        case .recovering: "looking for the workers of the run"
        case .measuring: "measuring how gradients travel best"
        case .running: core.isLinking ? "linking" : "running"
        case .planned: core.stopping == nil ? "changing its workers" : "stopping"
        case .freezing: "deciding who goes on"
        case .paused: "paused"
        case .collecting, .writing: "writing the last snapshot"
        case .ended: "ended"
        }
    }

    private static func exchange(_ settings: ExchangeSettings) -> JSONValue {
        [
            "buckets": .number(settings.bucketBoundaries.count + 1), "links": .number(settings.links),
            "awake": .bool(settings.staysAwake),
        ]
    }

    private static func worker(_ worker: CoordinatorCore.WorkerReading, at now: UInt64) -> JSONValue {
        [
            "name": .string(worker.name), "host": .string(worker.host),
            "processIdentifier": .number(worker.processIdentifier),
            "role": .string(worker.role.rawValue),
            "lanes": worker.lanes.map { .array([.number($0.lowerBound), .number($0.upperBound)]) } ?? .null,
            "stage": .string(worker.stage.description), "step": .number(worker.step),
            "silentSeconds": .number(Double(now - min(worker.lastHeard, now)) / 1e9),
            "isSuspected": .bool(worker.isSuspected), "isLeaving": .bool(worker.isLeaving),
            "source": worker.source.map { .string($0) } ?? .null,
            "waitingFor": .array(worker.waitingFor.map { .string($0) }),
        ]
    }
}
