internal import LockstepCore
internal import LockstepData
internal import LockstepFormats
internal import LockstepJobs

/// What the events of a run say about its speed.
struct MeasuredRun {
    let job: String
    let workers: Int
    /// Of each worker.
    let threads: Int
    let batch: Int
    let lanes: Int
    /// What each step of a whole batch took, without the first tenth of them, or the first two.
    let seconds: [Double]
    /// Over the whole run, from START to the last step.
    let samplesPerSecond: Double

    /// - Parameter lines: the run's events.
    /// - Throws: `CommandError` where they do not end with a result.
    init(_ lines: [String], of job: ResolvedJob, workers: Int, threads: Int) throws(CommandError) {
        self.job = job.name
        self.workers = workers
        self.threads = threads
        batch = min(job.batchSize, job.order.count)
        lanes = job.laneTree.laneCount
        var seconds: [Double] = []
        var samplesPerSecond: Double?
        for line in lines {
            guard let event = try? JSONValue(parsing: Array(line.utf8)), let rate = event["samplesPerSecond"]?.double
            else { continue }
            guard event["event"]?.string == "step", let step = event["step"]?.int else {
                samplesPerSecond = rate
                continue
            }
            if job.order.batchCount(ofStep: step) == batch { seconds.append(Double(batch) / rate) }
        }
        guard let samplesPerSecond, !seconds.isEmpty else { throw .failed("the run ended without a result") }
        self.seconds = Array(seconds.dropFirst(min(seconds.count - 1, max(2, seconds.count / 10))))
        self.samplesPerSecond = samplesPerSecond
    }

    var median: Double { MeasuredRun.median(seconds) }

    /// What counts where processes share cores: a step that waits for its turn may be rare and long.
    var mean: Double { seconds.reduce(0, +) / Double(seconds.count) }

    static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        let middle = sorted.count / 2
        return sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
    }
}
