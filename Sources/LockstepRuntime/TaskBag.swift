internal import Synchronization

/// Tasks of an object that has no scope of its own to run them in: they can be cancelled and waited for together.
final class TaskBag: Sendable {
    private struct State {
        var next = 0
        var running: [Int: Task<Void, Never>] = [:]
        var isCancelled = false
    }

    private let state = Mutex(State())

    func add(_ body: @escaping @Sendable () async -> Void) {
        state.withLock { state in
            guard !state.isCancelled else { return }
            let number = state.next
            state.next += 1
            state.running[number] = Task { [self] in
                await body()
                self.state.withLock { $0.running[number] = nil }
            }
        }
    }

    /// Nothing can be added afterwards.
    func cancelAll() {
        let running = state.withLock { state in
            state.isCancelled = true
            return Array(state.running.values)
        }
        for task in running { task.cancel() }
    }

    func waitForAll() async {
        for task in state.withLock({ Array($0.running.values) }) { await task.value }
    }
}
