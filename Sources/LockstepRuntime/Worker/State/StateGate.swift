internal import Synchronization

/// Lets others read a state until its owner is about to change it.
final class StateGate: Sendable {
    private let isOpen = Mutex(true)

    /// Nobody reads any more when this returns.
    func close() { isOpen.withLock { $0 = false } }

    /// - Returns: what `body` returns; nil where the gate is closed.
    func read<Value>(_ body: () -> Value?) -> Value? {
        isOpen.withLock { isOpen in isOpen ? body() : nil }
    }
}
