internal import CLockstepKernels
internal import LockstepEngine

/// What one core can do at most: multiply-adds in registers alone, with one variant's vectors.
enum CoreLimit {
    /// Floating-point operations a nanosecond; the best of a few short runs.
    static func gigaflops(_ kernels: Kernels) -> Double {
        var (rounds, best) = (256, 0.0)
        for _ in 0..<8 {
            var result: Float = 0
            let start = ThreadClock.nanoseconds()
            let operations = kernels.table.pointee.multiply_adds(rounds, 0.5, &result)
            let time = max(1, ThreadClock.nanoseconds() - start)
            best = max(best, Double(operations) / Double(time))
            // A run of about 200 µs is long enough for the clock and too short to be interrupted often.
            rounds = max(1, min(1 << 20, rounds * 200_000 / Int(clamping: time)))
        }
        return best
    }
}
