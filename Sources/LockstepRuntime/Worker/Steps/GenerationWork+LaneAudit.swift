internal import LockstepCluster
internal import LockstepCollectives
internal import LockstepEngine
internal import LockstepJobs

/// Lanes that are computed twice.
extension GenerationWork {
    /// The audited lane, where this worker owns it.
    func ownAuditedLane(_ audit: LaneAudit?, in turn: Turn) -> (lane: OwnAuditedLane, isolated: IsolatedLane)? {
        guard let audit, audit.owner == own else { return nil }
        let (index, count) = (audit.lane - lanes.lowerBound, job.plan.metricSumCount)
        let lane = OwnAuditedLane(
            results + index, UnsafeBufferPointer(start: metricSums + index * count, count: count), job,
            kernels: kernels, step: turn.step, worker: roster.members[own].name)
        return (lane, IsolatedLane(lane: audit.lane) { gradient in lane.take(gradient) })
    }

    /// Computes a lane of the turn in hand once more. The state is still S(N−1).
    func auditLane(_ lane: Int, of turn: Turn, _ state: FlatState) throws -> UInt64 {
        let auditor = try auditor ?? LaneAuditor(job, kernels: kernels, worker: roster.members[own].name)
        self.auditor = auditor
        return auditor.hash(of: lane, in: turn, state)
    }
}
