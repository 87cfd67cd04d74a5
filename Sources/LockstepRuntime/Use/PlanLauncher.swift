internal import LockstepCluster
internal import LockstepCore
internal import LockstepFormats
internal import LockstepJobs
internal import Synchronization

/// `lockstep plan`: a job explained, without training it.
package struct PlanLauncher {
    private let job: String?
    private let overrides: [String]
    private let workers: Int?
    private let threads: Int?
    private let measures: Bool
    private let json: Bool

    /// - Parameters:
    ///   - job: the path of a job file; nil for the program's own job.
    ///   - workers: nil for as many as `train` takes.
    ///   - threads: of each worker; nil for as many as `train` takes.
    ///   - measures: whether to start the workers, as `train` would, to see how gradients will travel.
    package init(
        job: String?, overrides: [String], workers: Int?, threads: Int?, measures: Bool = false, json: Bool
    ) {
        self.job = job
        self.overrides = overrides
        self.workers = workers
        self.threads = threads
        self.measures = measures
        self.json = json
    }

    /// - Throws: `CommandError`.
    package func run() async throws {
        try Launch.check(threads: threads)
        let prepared = try PreparedJob(path: job, overrides: overrides)
        let job = prepared.job
        let workers = workers ?? Launch.defaultWorkers(lanes: job.laneTree.laneCount)
        let threads = threads ?? max(1, Machine.cores / max(1, workers))
        // What cannot be planned is not measured either.
        var report = try PlanReport(job, workers: workers, threads: threads)
        if measures {
            let tuned = try await PlanLauncher.tuned(prepared, workers: workers, threads: threads)
            report = try PlanReport(job, workers: workers, threads: threads, tuned: tuned)
        }
        if json {
            StandardStreams.write(report.value.text)
        } else {
            for line in report.lines { StandardStreams.write(line) }
        }
    }

    /// What the workers of a run on this machine would choose.
    private static func tuned(_ job: PreparedJob, workers: Int, threads: Int) async throws -> TunedExchange? {
        let found = Mutex<TunedExchange?>(nil)
        try await LocalCluster.withTemporaryDirectory { directory in
            try await LocalCluster(
                job: job, workers: workers, threads: threads, placement: .new(directory),
                output: RunOutput(json: true, result: { _ in }, progress: { _ in }), purpose: .tuning,
                tuned: { tuned in found.withLock { $0 = tuned } }
            ).run()
        }
        return found.withLock { $0 }
    }
}
