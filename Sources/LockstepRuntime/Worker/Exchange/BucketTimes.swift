internal import LockstepEngine

/// When the buckets of a turn were handed to the rails, and when their sums were there on each rail, in nanoseconds of the
/// monotonic clock; 0 where they were not.
// Safe: a place is written by one thread in a turn (the one that completes the bucket, the rail's loop) and read by the
// driver between turns; `execute` and `TurnEnd` order memory.
final class BucketTimes: @unchecked Sendable {
    private let ready: UnsafeMutableBufferPointer<UInt64>
    /// Rail by rail.
    private let summed: UnsafeMutableBufferPointer<UInt64>
    let bucketCount: Int

    init(bucketCount: Int, railCount: Int) {
        self.bucketCount = bucketCount
        ready = .allocate(capacity: bucketCount)
        ready.initialize(repeating: 0)
        summed = .allocate(capacity: bucketCount * railCount)
        summed.initialize(repeating: 0)
    }

    deinit {
        ready.deallocate()
        summed.deallocate()
    }

    /// Forgets the last turn.
    func begin() {
        ready.update(repeating: 0)
        summed.update(repeating: 0)
    }

    func isReady(_ bucket: Int) { ready[bucket] = MonotonicClock.nanoseconds() }

    func isSummed(_ bucket: Int, rail: Int) { summed[rail * bucketCount + bucket] = MonotonicClock.nanoseconds() }

    /// From the moment a bucket left until its whole sum was there; nil where it did not leave.
    func times(of bucket: Int) -> Range<UInt64>? {
        guard ready[bucket] > 0 else { return nil }
        let last = stride(from: bucket, to: summed.count, by: bucketCount).map { summed[$0] }.max() ?? 0
        return ready[bucket]..<max(ready[bucket], last)
    }

    /// When the first bucket left; nil where none did.
    var firstReady: UInt64? { ready.lazy.filter { $0 > 0 }.min() }
}
