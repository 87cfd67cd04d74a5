/// What the loss says about one lane.
package struct LaneResult: Sendable, Hashable {
    /// The chain, in double precision, of its samples' losses in their order.
    package var loss: Double
    /// The sum of its samples' weights: their number.
    package var weight: Double
    /// The number of samples whose class was guessed right.
    package var correct: Double
    /// No sample's loss is infinite or not a number.
    package var isFinite: Bool

    package init(loss: Double = 0, weight: Double = 0, correct: Double = 0, isFinite: Bool = true) {
        self.loss = loss
        self.weight = weight
        self.correct = correct
        self.isFinite = isFinite
    }
}

/// When the parts of a step began and ended, by `MonotonicClock`.
package struct StepTimes: Sendable, Hashable {
    package var start: UInt64
    /// When the last thread had its losses; where it computes several groups in turn, the start plus what forward took.
    package var forwardEnd: UInt64
    /// When all sums were complete.
    package var backwardEnd: UInt64
}
