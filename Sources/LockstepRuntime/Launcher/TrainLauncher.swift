package import LockstepCluster
internal import LockstepCore
internal import LockstepEngine
internal import LockstepJobs

/// `lockstep train`: a coordinator in this process and workers in processes of their own, under an authority that
/// exists in memory only.
package struct TrainLauncher {
    private let job: String?
    private let overrides: [String]
    private let placement: RunPlacement
    private let workers: Int?
    private let threads: Int?
    private let exchange: ExchangeWish
    private let endurance: RunEndurance
    private let output: RunOutput

    /// - Parameters:
    ///   - job: the path of a job file; nil for the program's own job.
    ///   - workers: nil for one a core, at least 2, at most one a lane.
    ///   - threads: of each worker; nil for cores / workers.
    ///   - exchange: how gradients are to travel, as far as that is not to be measured.
    ///   - endurance: how many workers the run can do without.
    package init(
        job: String?, overrides: [String], placement: RunPlacement, workers: Int?, threads: Int?,
        exchange: ExchangeWish = ExchangeWish(), endurance: RunEndurance = RunEndurance(), output: RunOutput
    ) {
        self.job = job
        self.overrides = overrides
        self.placement = placement
        self.workers = workers
        self.threads = threads
        self.exchange = exchange
        self.endurance = endurance
        self.output = output
    }

    /// - Throws: `CommandError` with the exit code, unless that is 0.
    package func run() async throws {
        try Launch.check(threads: threads)
        try Launch.checkInstructionSet()
        let prepared = try PreparedJob(path: job, overrides: overrides)
        let count = workers ?? Launch.defaultWorkers(lanes: prepared.job.laneTree.laneCount)
        let threads = threads ?? max(1, Machine.cores / max(1, count))
        try await LocalCluster(
            job: prepared, workers: count, threads: threads, placement: placement, output: output,
            endurance: endurance, exchange: exchange
        ).run()
    }
}
