/// What has come and gone in one turn of an exchange. Its size is fixed by the plan.
struct ExchangeProgress: Sendable {
    /// Bytes received of each part's contribution to the own slice, by bucket and part.
    var contributed: [Int]
    /// Bytes received of each member's total, by bucket and member.
    var totals: [Int]
    /// Bytes of contributions still to come, by bucket.
    var awaited: [Int]
    /// Own gradients of the bucket are complete, and its contributions were sent.
    var ready: [Bool]
    /// The own slice of the bucket is summed, or empty.
    var reduced: [Bool]
    var records: [ControlRecord?]
    /// What each member still has to send: bytes of gradients, and one for its record.
    var outstanding: [Int]

    private let partCount: Int
    private let memberCount: Int

    init(_ plan: ExchangePlan, turn: Turn?) {
        partCount = plan.parts.count
        memberCount = plan.memberCount
        contributed = [Int](repeating: 0, count: plan.buckets.count * partCount)
        totals = [Int](repeating: 0, count: plan.buckets.count * memberCount)
        awaited = [Int](repeating: 0, count: plan.buckets.count)
        ready = [Bool](repeating: false, count: plan.buckets.count)
        reduced = ready
        records = [ControlRecord?](repeating: nil, count: memberCount)
        outstanding = [Int](repeating: 0, count: memberCount)
        reset(plan, turn: turn)
    }

    /// Makes this the progress of a turn of which nothing has come.
    mutating func reset(_ plan: ExchangePlan, turn: Turn?) {
        let hasGradients = turn?.hasGradients ?? false
        for index in contributed.indices { contributed[index] = 0 }
        for index in totals.indices { totals[index] = 0 }
        let foreignParts = partCount - plan.partNumbers[plan.ownIndex].count
        for bucket in awaited.indices {
            awaited[bucket] = hasGradients ? 4 * plan.ownSlice(of: bucket).count * foreignParts : 0
            // A turn without gradients has no bucket to wait for.
            ready[bucket] = !hasGradients
            // An empty slice is nobody's concern: a peer may be done with this turn before the own bucket is ready.
            reduced[bucket] = !hasGradients || plan.ownSlice(of: bucket).isEmpty
        }
        for member in records.indices {
            records[member] = nil
            outstanding[member] = (hasGradients && member != plan.ownIndex ? plan.gradientBytes(from: member) : 0) + 1
        }
    }

    func contributionIndex(bucket: Int, part: Int) -> Int { bucket * partCount + part }
    func totalIndex(bucket: Int, member: Int) -> Int { bucket * memberCount + member }

    var isComplete: Bool {
        outstanding.allSatisfy { $0 == 0 } && ready.allSatisfy { $0 } && reduced.allSatisfy { $0 }
    }
}
