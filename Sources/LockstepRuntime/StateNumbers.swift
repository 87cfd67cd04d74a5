internal import LockstepJobs
internal import LockstepModels

/// What belongs to the state beside its vectors: what the job watches, and the sums of the epoch so far, so that a run
/// that was stopped in mid-epoch reports what one that was not reports.
struct StateNumbers: Sendable, Equatable {
    /// Empty where the job watches nothing.
    var watch: [Double]
    /// Loss, weight, then the metrics' sums over the steps of the epoch.
    var epochSums: [Double]

    var count: Int { watch.count + epochSums.count }

    static func count(of job: ResolvedJob) -> Int {
        (job.watch == nil ? 0 : WatchState.numberCount) + job.sumCount
    }

    init(watch: [Double], epochSums: [Double]) {
        self.watch = watch
        self.epochSums = epochSums
    }

    /// nil where these are not as many numbers as the job has.
    init?(_ numbers: [Double], job: ResolvedJob) {
        guard numbers.count == StateNumbers.count(of: job) else { return nil }
        let watched = job.watch == nil ? 0 : WatchState.numberCount
        watch = Array(numbers[..<watched])
        epochSums = Array(numbers[watched...])
    }

    var all: [Double] { watch + epochSums }

    /// Whether what is watched has stopped the training.
    var isStopped: Bool { WatchState(numbers: watch)?.isStopped ?? false }

    var bytes: [UInt8] { all.flatMap { withUnsafeBytes(of: $0.bitPattern.littleEndian, Array.init) } }

    static func numbers(_ bytes: [UInt8]) -> [Double] {
        (0..<bytes.count / 8).map { index in
            bytes.withUnsafeBytes {
                Double(bitPattern: UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self)))
            }
        }
    }
}
