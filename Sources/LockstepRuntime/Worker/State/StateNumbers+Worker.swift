internal import LockstepJobs
internal import LockstepModels

extension StateNumbers {
    /// Those of a worker's state.
    ///
    /// - Parameter epochSums: empty before the first step, as sums of nothing are zeros.
    init(of job: ResolvedJob, _ watched: WatchState, epochSums: [Double], epochSampleSum: UInt64) {
        self.init(
            watch: job.watch == nil ? [] : watched.numbers,
            epochSums: epochSums.isEmpty ? Array(repeating: 0, count: job.sumCount) : epochSums,
            epochSampleSum: epochSampleSum)
    }
}
