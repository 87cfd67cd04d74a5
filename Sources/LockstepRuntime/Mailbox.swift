internal import DequeModule
internal import NIOConcurrencyHelpers

/// A queue between event loops or tasks, which never wait, and one thread that does.
// Safe: `queue` is touched only under the lock.
final class Mailbox<Element: Sendable>: @unchecked Sendable {
    private enum Fill { case empty, filled }

    private let lock = ConditionLock(value: Fill.empty)
    private var queue = Deque<Element>()

    func post(_ element: Element) {
        lock.lock()
        queue.append(element)
        lock.unlock(withValue: .filled)
    }

    /// The oldest element, or nil where none has come after `seconds`; blocks the calling thread until then.
    func take(within seconds: Double) -> Element? {
        guard lock.lock(whenValue: .filled, timeoutSeconds: seconds) else { return nil }
        let element = queue.removeFirst()
        lock.unlock(withValue: queue.isEmpty ? .empty : .filled)
        return element
    }

    /// The oldest element, or nil where there is none.
    func takeIfFilled() -> Element? {
        lock.lock()
        let element = queue.popFirst()
        lock.unlock(withValue: queue.isEmpty ? .empty : .filled)
        return element
    }

    /// The oldest element; blocks the calling thread until there is one.
    func take() -> Element {
        lock.lock(whenValue: .filled)
        let element = queue.removeFirst()
        lock.unlock(withValue: queue.isEmpty ? .empty : .filled)
        return element
    }
}
