import Foundation

/// Threads beside the cooperative pool. The pool has as many as there are cores, and hundreds of tests compute on it for
/// seconds: a test with connections that goes on there between two awaits would find its peers' time-outs over.
package final class OwnThreads: TaskExecutor {
    /// For all tests but those of the executable.
    package static let shared = OwnThreads(count: 4)

    private let jobs = Jobs()

    /// - Parameter count: of threads, which are never given back.
    package init(count: Int) {
        for _ in 0..<count {
            Thread.detachNewThread { [self] in
                while true { jobs.next().runSynchronously(on: asUnownedTaskExecutor()) }
            }
        }
    }

    package func enqueue(_ job: consuming ExecutorJob) { jobs.add(UnownedJob(job)) }

    /// First in, first out.
    private final class Jobs: @unchecked Sendable {
        // Safe: `waiting` is touched with the lock only.
        private let condition = NSCondition()
        private var waiting: [UnownedJob] = []

        func add(_ job: UnownedJob) {
            condition.withLock {
                waiting.append(job)
                condition.signal()
            }
        }

        func next() -> UnownedJob {
            condition.withLock {
                while waiting.isEmpty { condition.wait() }
                return waiting.removeFirst()
            }
        }
    }
}
