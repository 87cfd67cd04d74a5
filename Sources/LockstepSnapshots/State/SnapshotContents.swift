package import LockstepCore
package import LockstepFormats

/// What a snapshot is written from. It owns its bytes: nothing that happens to the live state afterwards reaches it.
package struct SnapshotContents: Sendable {
    package var state: StateSnapshot
    package var origin: SnapshotOrigin
    /// What the workers agreed on for this step.
    package var stateHash: StateHash
    /// Given where this is the best state so far.
    package var best: BestMark?
    /// What predictions need to prepare their inputs as training did; not interpreted here.
    package var preprocessing: JSONValue?
    /// Sums over the steps of the current epoch, for reports; no part of the state.
    package var epochSums: [Double]
    /// The hashes of all samples of the current epoch so far, added modulo 2⁶⁴.
    package var epochSampleSum: UInt64

    package init(
        state: StateSnapshot, origin: SnapshotOrigin, stateHash: StateHash, best: BestMark? = nil,
        preprocessing: JSONValue? = nil, epochSums: [Double] = [],
        epochSampleSum: UInt64 = 0
    ) {
        self.state = state
        self.origin = origin
        self.stateHash = stateHash
        self.best = best
        self.preprocessing = preprocessing
        self.epochSums = epochSums
        self.epochSampleSum = epochSampleSum
    }
}
