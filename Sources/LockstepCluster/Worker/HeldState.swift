/// What a worker's core must know of the state that its shell holds.
package struct HeldState: Sendable, Equatable {
    package var holding: Holding
    /// Whether the state says that training was stopped early, here.
    package var isStopped: Bool
    /// Whether it was judged the best so far.
    package var isBest: Bool
    /// The epoch of the step, 0 at step 0, and the sums (loss, weight, metrics) over its steps so far.
    package var epoch: UInt32
    package var epochSums: [Double]
    /// The sum of the hashes of all samples of the epoch so far, modulo 2⁶⁴.
    package var epochSampleSum: UInt64

    package init(
        holding: Holding, isStopped: Bool = false, isBest: Bool = false, epoch: UInt32 = 0, epochSums: [Double] = [],
        epochSampleSum: UInt64 = 0
    ) {
        self.holding = holding
        self.isStopped = isStopped
        self.isBest = isBest
        self.epoch = epoch
        self.epochSums = epochSums
        self.epochSampleSum = epochSampleSum
    }
}
