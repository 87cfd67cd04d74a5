internal import LockstepCollectives

/// Lanes that are computed twice.
extension WorkerCore {
    func audit(of turn: Turn) -> LaneAudit? {
        guard turn.phase == .train, let roster, let preparation else { return nil }
        return LaneAudit(ofStep: turn.step, in: roster, seed: preparation.seed)
    }

    func laneDifference(in summary: RecordSummary) -> LaneDifference? {
        guard let laneAudit, let roster else { return nil }
        return laneAudit.difference(in: summary, of: roster)
    }

    /// Nothing is applied. Who has not computed the lane does so now: the more voices, the sooner it is known who is wrong.
    mutating func halt(_ difference: LaneDifference, _ turn: Turn, _ now: UInt64) -> [WorkerAction] {
        guard difference.lacks(identity.name) else { return halt(.auditDiffers(difference), now) }
        laneDifference = difference
        state = .auditing(turn)
        return [.auditLane(turn, lane: difference.lane)]
    }

    mutating func handleLaneAudited(_ hash: UInt64, _ now: UInt64) -> [WorkerAction] {
        guard var difference = laneDifference else { return [] }
        laneDifference = nil
        difference.voices.append(LaneDifference.Voice(name: identity.name, hash: hash))
        let actions = halt(.auditDiffers(difference), now)
        return promised > running ? actions + standStill(now) : actions
    }
}
