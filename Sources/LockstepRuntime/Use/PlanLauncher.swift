internal import LockstepCore
internal import LockstepFormats
internal import LockstepJobs

/// `lockstep plan`: a job explained, without training it.
package struct PlanLauncher {
    private let job: String?
    private let overrides: [String]
    private let workers: Int?
    private let threads: Int?
    private let json: Bool

    /// - Parameters:
    ///   - job: the path of a job file; nil for the program's own job.
    ///   - workers: nil for as many as `train` takes.
    ///   - threads: of each worker; nil for as many as `train` takes.
    package init(job: String?, overrides: [String], workers: Int?, threads: Int?, json: Bool) {
        self.job = job
        self.overrides = overrides
        self.workers = workers
        self.threads = threads
        self.json = json
    }

    /// - Throws: `CommandError`.
    package func start() throws {
        try Launch.check(threads: threads)
        let job = try PreparedJob(path: job, overrides: overrides).job
        let workers = workers ?? Launch.defaultWorkers(lanes: job.laneTree.laneCount)
        let threads = threads ?? max(1, Machine.cores / max(1, workers))
        let report = try PlanReport(job, workers: workers, threads: threads)
        if json {
            StandardStreams.write(report.value.text)
        } else {
            for line in report.lines { StandardStreams.write(line) }
        }
    }
}
