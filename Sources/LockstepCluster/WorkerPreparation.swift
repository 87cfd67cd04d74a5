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
    /// Where the data listener is.
    package var host: String
    package var port: Int

    package init(
        planDigest: String, step: UInt32, stateHash: StateHash, lastStep: UInt32, evaluationBatches: UInt32,
        host: String, port: Int
    ) {
        self.planDigest = planDigest
        self.step = step
        self.stateHash = stateHash
        self.lastStep = lastStep
        self.evaluationBatches = evaluationBatches
        self.host = host
        self.port = port
    }
}
