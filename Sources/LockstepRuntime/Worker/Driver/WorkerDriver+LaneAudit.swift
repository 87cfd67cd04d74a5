internal import LockstepCluster
internal import LockstepCollectives

extension WorkerDriver {
    /// Two members computed a lane differently: this one is asked for its voice.
    func auditLane(_ lane: Int, of turn: Turn) -> WorkerEvent {
        guard let work, let state else { return .failed(reason: "no generation is in hand") }
        do {
            return .laneAudited(turn, try work.auditLane(lane, of: turn, state))
        } catch {
            return failed(error)
        }
    }
}
