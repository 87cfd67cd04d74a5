internal import LockstepCollectives

/// The gradients of one generation: this worker's roots, the staged contributions of others, the total.
///
/// A lone worker's total is its one root.
///
/// Compute threads write the roots and read the total between turns; in a turn all belongs to the data event loop.
/// The driver hands over with `execute`, the loop hands back with the mailbox, and each of these orders memory.
struct ExchangeMemory: Sendable {
    let roots: [FloatMemory]
    let staging: FloatMemory
    let total: FloatMemory

    init(plan: ExchangePlan) {
        roots = plan.ownRoots.map { _ in FloatMemory(count: plan.buckets.elementCount) }
        staging = FloatMemory(count: plan.stagingCount)
        total = plan.memberCount == 1 ? roots[0] : FloatMemory(count: plan.buckets.elementCount)
    }
}
