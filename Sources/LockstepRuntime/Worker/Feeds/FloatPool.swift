internal import Synchronization

/// Memory of one length that is used again: a step must not pay for fresh pages each time.
final class FloatPool: Sendable {
    let count: Int
    private let free = Mutex<[FloatMemory]>([])

    /// - Parameter count: floats of each.
    init(count: Int) { self.count = count }

    /// What is in it does not matter.
    func take() -> FloatMemory { free.withLock { $0.popLast() } ?? FloatMemory(count: count) }

    func give(back memory: FloatMemory) {
        free.withLock { if $0.count < FloatPool.mostFree { $0.append(memory) } }
    }

    private static let mostFree = 3
}
