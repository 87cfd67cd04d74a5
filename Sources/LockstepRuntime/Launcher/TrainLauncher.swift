internal import LockstepCore
internal import LockstepEngine
internal import LockstepJobs
internal import LockstepWire
internal import Logging
internal import Tracing

/// `lockstep train`: a coordinator in this process and workers in processes of their own, under an authority that
/// exists in memory only.
package struct TrainLauncher {
    private let job: String?
    private let overrides: [String]
    private let placement: RunPlacement
    private let workers: Int?
    private let threads: Int?
    private let output: RunOutput

    /// - Parameters:
    ///   - job: the path of a job file; nil for the program's own job.
    ///   - workers: nil for one a core, at least 2, at most one a lane.
    ///   - threads: of each worker; nil for cores / workers.
    package init(
        job: String?, overrides: [String], placement: RunPlacement, workers: Int?, threads: Int?, output: RunOutput
    ) {
        self.job = job
        self.overrides = overrides
        self.placement = placement
        self.workers = workers
        self.threads = threads
        self.output = output
    }

    /// - Throws: `CommandError` with the exit code, unless that is 0.
    package func run() async throws {
        try Launch.check(threads: threads)
        try Launch.checkInstructionSet()
        let prepared = try PreparedJob(path: job, overrides: overrides)
        let count = workers ?? Launch.defaultWorkers(lanes: prepared.job.laneTree.laneCount)
        let threads = threads ?? max(1, Machine.cores / max(1, count))
        let authority = try Authority(cluster: "local")
        let sinks = LogSinks([Launch.terminalSink(level: .warning)])
        let logger = Launch.logger("coordinator", sinks)
        // Names are known before processes are, so that the verdict can show what they wrote.
        let names = (0..<max(0, count)).map { "w\($0)" }
        let lines = names.map { ($0, LineRing()) }
        let coordinator = try await CoordinatorService(
            CoordinatorSettings(
                job: prepared, identity: try authority.issue(role: .coordinator, name: "coordinator"),
                listen: Endpoint(host: "127.0.0.1", port: 0), workers: count, placement: placement,
                output: output, logger: logger, tracer: InstrumentationSystem.tracer,
                lastLines: { name in lines.first { $0.0 == name }?.1.all ?? [] }))
        LogSink.file(coordinator.runDirectory.log(of: "coordinator"), level: .info).map(sinks.add)
        let shares = Machine.coreShares(workers: count, threads: threads)
        let processes = LocalWorkers(
            workers: try names.enumerated().map { index, name in
                LocalWorkers.Worker(
                    name: name, identity: try authority.issue(role: .worker, name: name), cores: shares?[index])
            },
            threads: threads, address: coordinator.address, runDirectory: coordinator.runDirectory, logger: logger
        ) { name, processIdentifier, description in
            coordinator.processEnded(name, processIdentifier: processIdentifier, description)
        } wrote: { name, line in
            lines.first { $0.0 == name }?.1.append(line)
        }
        await CommandServices.run([processes, coordinator], logger: Launch.quietLogger)
        try Launch.end(coordinator.outcome)
    }
}
