internal import Synchronization

/// Memory of one length that is used again, and made ready beforehand: fresh pages cost a step more than what is copied into them.
final class FloatPool: Sendable {
    let count: Int
    private let aside: @Sendable (@escaping @Sendable () -> Void) -> Void
    private let shared = Mutex(Shared())

    private struct Shared {
        var free: [FloatMemory] = []
        var isPreparing = false
    }

    /// More are not kept.
    private static let mostFree = 4

    /// - Parameters:
    ///   - count: floats of each.
    ///   - aside: does what makes memory ready beside the caller.
    init(count: Int, aside: @escaping @Sendable (@escaping @Sendable () -> Void) -> Void = FloatPool.onThread) {
        self.count = count
        self.aside = aside
    }

    /// What is in it does not matter.
    func take() -> FloatMemory { shared.withLock { $0.free.popLast() } ?? FloatMemory(count: count) }

    /// One that is zero.
    func takeCleared() -> FloatMemory {
        guard let used = shared.withLock({ $0.free.popLast() }) else { return FloatMemory(count: count) }
        used.pointer.update(repeating: 0, count: count)
        return used
    }

    /// So many at once; nil where not so many are ready, and as many as are to be left.
    func take(_ number: Int, leaving rest: Int) -> [FloatMemory]? {
        shared.withLock { shared in
            guard shared.free.count >= number + rest else { return nil }
            defer { shared.free.removeLast(number) }
            return shared.free.suffix(number)
        }
    }

    func give(back memory: FloatMemory) {
        guard memory.count == count else { return }
        shared.withLock { if $0.free.count < FloatPool.mostFree { $0.free.append(memory) } }
    }

    /// Frees what is ready, and makes nothing more ready until it is asked for again.
    func empty() {
        shared.withLock { shared in
            shared.free = []
            shared.isPreparing = false
        }
    }

    /// Makes so many ready, on a thread that gives way to others.
    func prepare(_ number: Int) {
        let isNeeded = shared.withLock { shared in
            guard !shared.isPreparing, shared.free.count < number else { return false }
            shared.isPreparing = true
            return true
        }
        if isNeeded { aside { [self] in fill(number) } }
    }

    private static let onThread: @Sendable (@escaping @Sendable () -> Void) -> Void = { work in
        do {
            try DetachedThread.start("memory", policy: .throughput, work)
        } catch {
            // Without a thread it takes the time of the step.
            work()
        }
    }

    private func fill(_ number: Int) {
        while shared.withLock({ $0.isPreparing && $0.free.count < number }) {
            let memory = FloatMemory(count: count)
            shared.withLock { if $0.isPreparing { $0.free.append(memory) } }
        }
        shared.withLock { $0.isPreparing = false }
    }
}
