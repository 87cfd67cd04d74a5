package import LockstepCollectives
package import LockstepCore

/// What the shell has ready when a worker is prepared.
package struct WorkerPreparation: Sendable, Equatable {
    package var planDigest: String
    /// n*, the step whose state it holds.
    package var step: UInt32
    package var stateHash: StateHash
    /// T, the last step of the job.
    package var lastStep: UInt32
    /// 0 where nothing is evaluated.
    package var evaluationBatches: UInt32
    /// nil where nothing is watched.
    package var validation: TurnSchedule.Validation?
    /// Whether the state says that training was stopped early, at `step`.
    package var isStopped: Bool
    /// Whether S(`step`) was judged the best so far.
    package var isBest: Bool
    /// The epoch of `step`, 0 at step 0, and the sums (loss, weight, metrics) over its steps so far.
    package var epoch: UInt32
    package var epochSums: [Double]
    /// Where the data listeners are: one for each rail that is offered.
    package var host: String
    package var ports: [Int]

    package init(
        planDigest: String, step: UInt32, stateHash: StateHash, lastStep: UInt32, evaluationBatches: UInt32,
        validation: TurnSchedule.Validation? = nil, isStopped: Bool = false, isBest: Bool = false, epoch: UInt32 = 0,
        epochSums: [Double] = [], host: String, ports: [Int]
    ) {
        self.planDigest = planDigest
        self.step = step
        self.stateHash = stateHash
        self.lastStep = lastStep
        self.evaluationBatches = evaluationBatches
        self.validation = validation
        self.isStopped = isStopped
        self.isBest = isBest
        self.epoch = epoch
        self.epochSums = epochSums
        self.host = host
        self.ports = ports
    }
}
