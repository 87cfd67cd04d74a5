package import LockstepCluster
internal import LockstepCore
internal import LockstepEngine
internal import LockstepJobs
internal import LockstepWire
internal import Logging
internal import Tracing

/// `lockstep coordinator`: the coordinator of a cluster whose workers come by themselves.
package struct CoordinatorLauncher {
    private let job: String?
    private let overrides: [String]
    private let placement: RunPlacement
    private let workers: Int?
    private let exchange: ExchangeWish
    private let endurance: RunEndurance
    private let json: Bool
    private let listen: String
    private let identity: String
    private let denied: String?

    /// - Parameters:
    ///   - job: the path of a job file; nil for the program's own job.
    ///   - runDirectory: one that exists is gone on with, where it holds this job.
    ///   - resumes: it must exist; nil then is `runs/<job name>/latest`.
    ///   - exchange: how gradients are to travel, as far as that is not to be measured.
    ///   - endurance: how many workers the run can do without.
    ///   - listen: `HOST:PORT`.
    ///   - identity: the coordinator's identity directory.
    ///   - denied: the list of revoked certificates; nil for `denied.jsonl` in the identity directory.
    package init(
        job: String?, overrides: [String], runDirectory: String?, resumes: Bool, workers: Int?,
        exchange: ExchangeWish, endurance: RunEndurance = RunEndurance(), json: Bool, listen: String, identity: String,
        denied: String? = nil
    ) {
        self.job = job
        self.overrides = overrides
        placement = resumes ? .resume(runDirectory) : .newOrResume(runDirectory)
        self.workers = workers
        self.exchange = exchange
        self.endurance = endurance
        self.json = json
        self.listen = listen
        self.identity = identity
        self.denied = denied
    }

    /// - Throws: `CommandError` with the exit code, unless that is 0.
    package func run() async throws {
        try Launch.checkInstructionSet()
        let endpoint = try Endpoint(listen, option: "--listen")
        let denied = DenyListPlace(path: denied, identity: identity)
        let identity = try Identity(directory: identity)
        let prepared = try PreparedJob(path: job, overrides: overrides)
        let count = workers ?? Launch.defaultWorkers(lanes: prepared.job.laneTree.laneCount)
        let sinks = LogSinks([Launch.terminalSink(level: .info)])
        let logger = Launch.logger("coordinator", sinks)
        var settings = CoordinatorSettings(
            job: prepared, identity: identity, listen: endpoint, workers: count, exchange: exchange,
            placement: placement, output: .standard(json: json), logger: logger,
            tracer: InstrumentationSystem.tracer)
        settings.endurance = endurance
        settings.denied = denied
        let coordinator = try await CoordinatorService(settings)
        LogSink.file(coordinator.runDirectory.log(of: "coordinator"), level: .info).map(sinks.add)
        await CommandServices.run([coordinator], logger: Launch.quietLogger)
        try Launch.end(coordinator.outcome)
    }
}
