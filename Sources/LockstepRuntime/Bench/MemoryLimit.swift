internal import CLockstepKernels
internal import LockstepEngine

/// What one core gets out of its memory with the traffic of an optimizer: four vectors read, three of them written.
enum MemoryLimit {
    /// Bytes a nanosecond; the best of several passes.
    ///
    /// - Parameter floats: of each vector. A model that fits into the caches is measured there.
    static func gigabytes(_ kernels: Kernels, floats: Int) -> Double {
        let count = max(1 << 14, floats)
        let vectors = (0..<3).map { _ in FloatMemory(count: count) }
        let gradient = FloatMemory(count: count)
        var best = UInt64.max
        for _ in 0..<passes(count) {
            let start = MonotonicClock.nanoseconds()
            // What is added stays in the first cache for all three.
            for first in stride(from: 0, to: count, by: block) {
                for vector in vectors {
                    kernels.table.pointee.add(
                        min(block, count - first), vector.pointer + first, gradient.pointer + first)
                }
            }
            best = min(best, MonotonicClock.nanoseconds() - start)
        }
        return 28 * Double(count) / Double(max(1, best))
    }

    private static let block = 1024

    private static func passes(_ count: Int) -> Int { max(5, min(50, (1 << 26) / count)) }
}
