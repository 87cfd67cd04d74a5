import LockstepTestSupport
import Synchronization

/// A value that one side changes and the other waits for.
final class Observed<Value: Sendable>: Sendable {
    private struct Storage {
        var value: Value
        var waiters: [Int: AsyncStream<Void>.Continuation] = [:]
        var nextWaiter = 0
    }

    private let storage: Mutex<Storage>

    init(_ value: Value) { storage = Mutex(Storage(value: value)) }

    var value: Value { storage.withLock { $0.value } }

    func change(_ body: @Sendable (inout Value) -> Void) {
        let waiters = storage.withLock { storage in
            body(&storage.value)
            return Array(storage.waiters.values)
        }
        for waiter in waiters { waiter.yield() }
    }

    /// What `look` finds in the value, now or as soon as it does; nil where that takes longer than `limit`.
    func first<Found>(within limit: Duration, _ look: (Value) -> Found?) async -> Found? {
        let (changes, waiter) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let number = storage.withLock { storage in
            storage.nextWaiter += 1
            storage.waiters[storage.nextWaiter] = waiter
            return storage.nextWaiter
        }
        let deadline = Task(executorPreference: OwnThreads.executables) {
            try? await Task.sleep(for: limit)
            waiter.finish()
        }
        defer {
            deadline.cancel()
            storage.withLock { _ = $0.waiters.removeValue(forKey: number) }
        }
        if let found = look(value) { return found }
        for await _ in changes {
            if let found = look(value) { return found }
        }
        return look(value)
    }
}
