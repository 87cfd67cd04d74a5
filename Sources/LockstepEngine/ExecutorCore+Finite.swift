internal import CLockstepKernels

// The check before anything is applied.
extension ExecutorCore {
    /// Whether this thread's share of a gradient is finite. Backward ends with the end of the vector, so the check begins
    /// there, where it is still in the cache, and ends where the update will begin.
    func isFinite(_ thread: Int, _ gradient: UnsafePointer<Float>) -> Bool {
        let block = Int(LS_HASH_BLOCK)
        let share = share(thread, of: plan.layout.count, unit: block)
        for start in stride(from: share.lowerBound, to: share.upperBound, by: block).reversed() {
            let count = min(block, share.upperBound - start)
            guard kernels.pointee.all_finite(count, gradient + start) else { return false }
        }
        return true
    }
}
