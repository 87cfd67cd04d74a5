internal import LockstepCluster
internal import LockstepCore
internal import LockstepWire

/// Dials the members that a worker has to dial when a generation begins, in the order and at the pace of a queue.
enum Linking {
    private struct Ended: Sendable {
        let dial: DialQueue.Dial
        /// nil where the link is open.
        let error: (any Error)?
    }

    /// Returns when all dials have ended, or soon after the task is cancelled.
    ///
    /// - Parameters:
    ///   - clock: nanoseconds of the clock that the queue was made with.
    ///   - connect: opens a link within so many nanoseconds.
    ///   - lost: called for each link that is given up, with the reason.
    static func run(
        _ queue: DialQueue, clock: @Sendable () -> UInt64 = { ProcessClock.now },
        connect: @escaping @Sendable (DialQueue.Dial, _ limit: UInt64) async throws -> Void,
        lost: (DialQueue.Dial, _ reason: String) -> Void
    ) async {
        var queue = queue
        await withTaskGroup(of: Ended.self) { group in
            while !queue.isEmpty {
                while !Task.isCancelled, let attempt = queue.next(at: clock()) {
                    group.addTask {
                        do {
                            if attempt.pause > 0 { try await Task.sleep(for: .nanoseconds(attempt.pause)) }
                            try await connect(attempt.dial, attempt.limit)
                            return Ended(dial: attempt.dial, error: nil)
                        } catch {
                            return Ended(dial: attempt.dial, error: error)
                        }
                    }
                }
                guard let ended = await group.next() else { return }
                guard let error = ended.error else {
                    queue.opened(ended.dial)
                    continue
                }
                // A worker that ends, or that has gone on to another generation, has lost nothing.
                guard !Task.isCancelled else { continue }
                let failure = error as? LinkError
                let isWorthRetrying = failure?.isWorthRetrying ?? false
                if queue.failed(ended.dial, isWorthRetrying: isWorthRetrying, at: clock()) {
                    lost(ended.dial, failure?.reason ?? String(describing: error).escapedForDisplay())
                }
            }
        }
    }
}
