internal import CLockstepKernels
internal import Synchronization

/// Threads that wait for an atomic value to change. At first they look again and again, for the value mostly changes
/// within microseconds and to wake a sleeping thread takes tens of them; then they sleep.
// Safe: `count` is guarded by the monitor for changes, and atomic to be read without it.
final class Sleepers: @unchecked Sendable {
    /// So long a thread looks before it sleeps.
    private static let patience: UInt64 = 40_000
    private static let looks = 32

    private let monitor = Monitor()
    private let count = Atomic(0)

    /// Returns when `isOver`; it is true for good once `wake` was called.
    ///
    /// - Parameter isOver: reads the value sequentially consistently.
    func wait(until isOver: () -> Bool) {
        let start = MonotonicClock.nanoseconds()
        repeat {
            for _ in 0..<Sleepers.looks {
                if isOver() { return }
                ls_pause()
            }
        } while MonotonicClock.nanoseconds() - start < Sleepers.patience
        monitor.lock()
        // Who changes the value after this sees a sleeper; who changed it before has made `isOver` true.
        count.add(1, ordering: .sequentiallyConsistent)
        while !isOver() { monitor.wait() }
        count.subtract(1, ordering: .sequentiallyConsistent)
        monitor.unlock()
    }

    /// Called after the value was changed, sequentially consistently.
    func wake() {
        guard count.load(ordering: .sequentiallyConsistent) > 0 else { return }
        monitor.lock()
        monitor.broadcast()
        monitor.unlock()
    }
}
