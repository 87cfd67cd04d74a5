internal import LockstepCollectives

/// The vectors of one exchange: this worker's roots, what others contribute, the total.
///
/// A lone worker's total is its one root.
///
/// In a turn a root is only written by compute threads, bucket by bucket, until it is said to be ready. Staged parts and the
/// total belong to the rails' event loops, each to its own piece, until the turn is over; then to the driver until it begins
/// the next one. `execute` hands over in one direction, `TurnEnd` and the mailbox in the other, and each orders memory.
struct ExchangeMemory: Sendable {
    let roots: [FloatMemory]
    let total: FloatMemory
    /// For each rail its own.
    let staging: [FloatMemory]

    /// - Parameters:
    ///   - plans: those of all rails.
    ///   - pool: where roots and total come from; nil for new memory.
    init(plans: [ExchangePlan], from pool: FloatPool? = nil) {
        let count = plans[0].buckets.elementCount
        func vector() -> FloatMemory {
            guard let pool, pool.count == count else { return FloatMemory(count: count) }
            return pool.takeCleared()
        }
        roots = plans[0].ownRoots.map { _ in vector() }
        total = plans[0].memberCount == 1 ? roots[0] : vector()
        staging = plans.map { FloatMemory(count: $0.stagingCount) }
    }

    /// Nobody uses it any more; the next generation need not wait for fresh pages.
    func giveBack(to pool: FloatPool) {
        for vector in roots { pool.give(back: vector) }
        if roots.allSatisfy({ $0 !== total }) { pool.give(back: total) }
    }
}
