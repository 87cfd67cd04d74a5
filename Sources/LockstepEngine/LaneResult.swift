/// What the loss says about one lane.
package struct LaneResult: Sendable, Hashable {
    /// The chain, in double precision, of its samples' losses in their order.
    package var loss: Double
    /// The chain of its samples' weights: their number, or the sum of the weights of their classes where the loss has
    /// such weights.
    package var weight: Double
    /// No sample's loss is infinite or not a number.
    package var isFinite: Bool

    package init(loss: Double = 0, weight: Double = 0, isFinite: Bool = true) {
        self.loss = loss
        self.weight = weight
        self.isFinite = isFinite
    }
}
