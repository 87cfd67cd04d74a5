internal import Synchronization

/// A place where `count` threads wait for each other.
// Safe: what changes is atomic or guarded by the monitor.
final class Barrier: @unchecked Sendable {
    private let count: Int
    private let arrived = Atomic(0)
    private let round = Atomic(0)
    private let sleepers = Sleepers()

    init(count: Int) { self.count = count }

    func wait() {
        guard count > 1 else { return }
        let current = round.load(ordering: .acquiring)
        if arrived.add(1, ordering: .acquiringAndReleasing).newValue == count {
            // Nobody arrives again before the round has changed.
            arrived.store(0, ordering: .relaxed)
            round.store(current + 1, ordering: .sequentiallyConsistent)
            sleepers.wake()
        } else {
            sleepers.wait { round.load(ordering: .sequentiallyConsistent) != current }
        }
    }
}
