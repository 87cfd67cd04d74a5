internal import LockstepCluster
internal import LockstepCore
internal import LockstepJobs
internal import LockstepWire
internal import Logging
internal import Tracing

#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

/// A coordinator in this process and workers in processes of their own, under an authority that exists in memory only.
struct LocalCluster {
    let job: PreparedJob
    let workers: Int
    /// Compute threads of each worker; its cores are shared out by them.
    let threads: Int
    let placement: RunPlacement
    let output: RunOutput
    var endurance = RunEndurance()
    var purpose = CoordinatorConfiguration.Purpose.training
    var exchange = ExchangeWish()
    /// What a worker's process is told, its address, identity and cores apart; nil for `lockstep worker`.
    var workerCommand: [String]?
    var measured: (@Sendable (TrialResult) -> Void)?
    var tuned: (@Sendable (TunedExchange) -> Void)?

    /// - Throws: `CommandError` with the exit code, unless that is 0.
    func run() async throws {
        try endurance.check(workers: workers, lanes: job.job.laneTree.laneCount)
        let authority = try Authority(cluster: "local")
        let sinks = LogSinks([Launch.terminalSink(level: .warning)])
        let logger = Launch.logger("coordinator", sinks)
        // Names are known before processes are, so that the verdict can show what they wrote.
        let names = (0..<workers + endurance.spares).map { "w\($0)" }
        let lines = Dictionary(uniqueKeysWithValues: names.map { ($0, LineRing()) })
        var settings = CoordinatorSettings(
            job: job, identity: try authority.issue(role: .coordinator, name: "coordinator"),
            listen: Endpoint(host: "127.0.0.1", port: 0), workers: workers, placement: placement, output: output,
            logger: logger, tracer: InstrumentationSystem.tracer, lastLines: { lines[$0]?.all ?? [] })
        settings.endurance = endurance
        settings.workersOutliveIt = false
        settings.purpose = purpose
        settings.exchange = exchange
        settings.measured = measured
        settings.tuned = tuned
        let coordinator = try await CoordinatorService(settings)
        LogSink.file(coordinator.runDirectory.log(of: "coordinator"), level: .info).map(sinks.add)
        // With spares nobody knows who will compute: START shares the cores out among those that do.
        let shares = endurance.spares == 0 ? Machine.coreShares(workers: workers, threads: threads) : nil
        let processes = LocalWorkers(
            workers: try names.enumerated().map { index, name in
                LocalWorkers.Worker(
                    name: name, identity: try authority.issue(role: .worker, name: name), cores: shares?[index])
            },
            command: workerCommand ?? ["worker", "--threads", String(threads), "--data", "/"],
            coordinator: coordinator, replaces: purpose == .training, logger: logger, lines: lines)
        await CommandServices.run([processes, coordinator], logger: Launch.quietLogger)
        try Launch.end(coordinator.outcome)
    }

    /// Gives `body` the path of a run directory that is not there yet, and removes what it then holds.
    static func withTemporaryDirectory<Result>(_ body: (String) async throws -> Result) async throws -> Result {
        let manager = FileManager.default
        let directory = manager.temporaryDirectory.path + "/lockstep-bench-\(UInt64.random(in: 0...UInt64.max))"
        defer { try? manager.removeItem(atPath: directory) }
        return try await body(directory)
    }
}
