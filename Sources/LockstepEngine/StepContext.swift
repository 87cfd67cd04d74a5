/// Where a computation stands in the run: what randomness is keyed by.
package struct StepContext: Sendable, Hashable {
    package var seed: UInt64
    /// From 1.
    package var step: UInt32
    /// The position in the global batch of the first row that is computed; the rows are consecutive positions.
    package var firstPosition: UInt32

    package init(seed: UInt64, step: UInt32, firstPosition: UInt32) {
        self.seed = seed
        self.step = step
        self.firstPosition = firstPosition
    }
}
