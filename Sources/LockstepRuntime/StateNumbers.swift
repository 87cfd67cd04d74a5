internal import LockstepJobs
internal import LockstepModels

/// What belongs to the state beside its vectors: what the job watches, and the sums of the epoch so far, so that a run
/// that was stopped in mid-epoch reports what one that was not reports, and accounts for every sample of the epoch.
struct StateNumbers: Sendable, Equatable {
    /// Empty where the job watches nothing.
    var watch: [Double]
    /// Loss, weight, then the metrics' sums over the steps of the epoch.
    var epochSums: [Double]
    /// The hashes of all samples of the epoch so far, added modulo 2⁶⁴.
    var epochSampleSum: UInt64

    var count: Int { watch.count + epochSums.count + 2 }

    static func count(of job: ResolvedJob) -> Int {
        (job.watch == nil ? 0 : WatchState.numberCount) + job.sumCount + 2
    }

    init(watch: [Double], epochSums: [Double], epochSampleSum: UInt64) {
        self.watch = watch
        self.epochSums = epochSums
        self.epochSampleSum = epochSampleSum
    }

    /// nil where these are not as many numbers as the job has, or the last two are no halves of a word.
    init?(_ numbers: [Double], job: ResolvedJob) {
        guard numbers.count == StateNumbers.count(of: job), let high = UInt32(exactly: numbers[numbers.count - 2]),
            let low = UInt32(exactly: numbers[numbers.count - 1])
        else { return nil }
        let watched = job.watch == nil ? 0 : WatchState.numberCount
        watch = Array(numbers[..<watched])
        epochSums = Array(numbers[watched..<numbers.count - 2])
        epochSampleSum = UInt64(high) << 32 | UInt64(low)
    }

    /// The word at the end is cut in halves, each of which a number holds exactly.
    var all: [Double] {
        watch + epochSums + [Double(epochSampleSum >> 32), Double(epochSampleSum & 0xFFFF_FFFF)]
    }

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
