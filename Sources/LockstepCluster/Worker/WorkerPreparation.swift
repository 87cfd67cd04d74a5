package import LockstepCollectives
package import LockstepCore

/// What the shell has ready when a worker is prepared.
package struct WorkerPreparation: Sendable, Equatable {
    package var planDigest: String
    /// The hash of lane 0's gradient in the run's first step.
    package var probe: StateHash
    package var state: HeldState
    /// T, the last step of the job.
    package var lastStep: UInt32
    /// 0 where nothing is evaluated.
    package var evaluationBatches: UInt32
    /// nil where nothing is watched.
    package var validation: TurnSchedule.Validation?
    /// Where the data listeners are: one for each rail that is offered.
    package var host: String
    package var ports: [Int]
    /// The job's: what audited lanes are drawn from.
    package var seed: UInt64

    package init(
        planDigest: String, probe: StateHash, state: HeldState, lastStep: UInt32, evaluationBatches: UInt32,
        validation: TurnSchedule.Validation? = nil, host: String, ports: [Int], seed: UInt64 = 0
    ) {
        self.planDigest = planDigest
        self.probe = probe
        self.state = state
        self.lastStep = lastStep
        self.evaluationBatches = evaluationBatches
        self.validation = validation
        self.host = host
        self.ports = ports
        self.seed = seed
    }

    /// All turns of the job.
    var turns: TurnSchedule {
        TurnSchedule(
            stepsDone: 0, lastStep: lastStep, evaluationBatches: evaluationBatches, validation: validation)
    }

    package var prepared: Prepared {
        Prepared(planDigest: planDigest, probe: probe, holding: state.holding, host: host, ports: ports)
    }
}
