internal import LockstepCollectives
internal import LockstepCore

/// That a lane of a step is computed twice, by its owner and by another member, so that a wrong computation shows before
/// anything is applied. Which lane follows from the seed and the step; who computes it again, from the generation too.
package struct LaneAudit: Sendable, Hashable {
    package let lane: Int
    /// Places in the roster; a lone worker is both.
    package let owner: Int
    package let auditor: Int

    /// - Returns: nil where the step has no audit.
    package init?(ofStep step: UInt32, in roster: Roster, seed: UInt64) {
        guard LaneAudit.isDue(atStep: step, every: roster.auditEverySteps),
            let laneCount = roster.members.map(\.lanes.upperBound).max(), laneCount > 0
        else { return nil }
        let random = Philox(seed: seed, purpose: .laneAudit)
        let lane = LaneAudit.draw(random.block([step, 0, 0, 0]).x, below: laneCount)
        guard let owner = roster.members.firstIndex(where: { $0.lanes.contains(lane) }) else { return nil }
        self.lane = lane
        self.owner = owner
        let others = roster.members.indices.filter { $0 != owner }
        let place = LaneAudit.draw(random.block([step, roster.generation, 1, 0]).x, below: others.count)
        auditor = others.isEmpty ? owner : others[place]
    }

    /// - Parameter interval: 0 for never.
    package static func isDue(atStep step: UInt32, every interval: UInt32) -> Bool {
        interval > 0 && step > 0 && step.isMultiple(of: interval)
    }

    private static func draw(_ word: UInt32, below count: Int) -> Int { Int((UInt64(word) * UInt64(count)) >> 32) }

    /// What the records say of the lane.
    func difference(in summary: RecordSummary, of roster: Roster) -> LaneDifference? {
        let hashes = [summary.ownLaneHashes[owner], summary.auditHashes[auditor]]
        guard hashes[0] != hashes[1] else { return nil }
        let names = [roster.members[owner].name, roster.members[auditor].name]
        return LaneDifference(lane: lane, voices: zip(names, hashes).map { LaneDifference.Voice(name: $0, hash: $1) })
    }
}
