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
    let openedAt: Double

    var value: JSONValue {
        let job = report.job
        var object = JSONObject([
            ("event", "status"), ("run", .string(run.name)), ("job", .string(job.name)), ("state", .string(state)),
            ("seconds", .number(ProcessClock.seconds - openedAt)),
            ("step", .number(Int(lastReport?.step ?? run.resumed?.step ?? 0))), ("steps", .number(job.stepCount)),
            ("epochs", .number(job.epochCount)),
        ])
        if let last = lastReport {
            for member in RunReport.metrics(last).object?.members ?? [] { object[member.key] = member.value }
        }
        // A generation that measures has not chosen yet.
        let chosen = core.mode == .measuring ? nil : core.roster?.exchange
        object["exchange"] = chosen.map(RunStatus.exchange) ?? .null
        object["generation"] = .number(core.roster?.generation ?? 0)
        object["incarnation"] = .number(run.incarnation)
        object["workers"] = .array(core.workerReadings.map(RunStatus.worker))
        object["snapshot"] =
            snapshot.map { ["step": .number($0.step), "best": .bool($0.isBest), "path": .string($0.path)] } ?? .null
        object["problem"] = core.stopping.map { .string("stopping: \($0)") } ?? .null
        object["runDirectory"] = .string(run.directory.path)
        return .object(object)
    }

    private var state: String {
        switch core.mode {
        case .gathering: "waiting for workers"
        case .measuring: "measuring how gradients travel best"
        case .linking: "linking"
        case .running: "running"
        case .planned: "stopping"
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

    private static func worker(_ worker: CoordinatorCore.WorkerReading) -> JSONValue {
        [
            "name": .string(worker.name), "host": .string(worker.host), "process": .number(worker.processIdentifier),
            "lanes": worker.lanes.map { .array([.number($0.lowerBound), .number($0.upperBound)]) } ?? .null,
            "stage": .string(worker.stage.description), "step": .number(worker.step),
            "silentSeconds": .number(Double(ProcessClock.now &- worker.lastHeard) / 1e9),
            "waitingFor": .array(worker.waitingFor.map { .string($0) }),
        ]
    }
}
