package import LockstepModels

extension ResolvedJob {
    /// Loss and metrics, each per sample.
    package struct Measures: Sendable {
        package let loss: Double
        /// The sum of the samples' weights.
        package let weight: Double
        package let metrics: [(name: String, value: Double)]
        /// Rows are the true classes, columns the guesses; nil where the job does not ask for it.
        package let confusionMatrix: [[Double]]?

        /// - Parameter sums: loss, weight, then those of `metrics`.
        /// - Returns: nil where no sample has weight, or there are more or fewer sums.
        package init?(_ sums: [Double], _ metrics: MetricSet) {
            guard sums.count == 2 + metrics.sumCount, sums[1] > 0 else { return nil }
            loss = sums[0] / sums[1]
            weight = sums[1]
            self.metrics = metrics.values(of: sums[2...])
            confusionMatrix = metrics.matrix(of: sums[2...])
        }
    }
}

extension MetricSet {
    /// The names of the values, in order.
    package var names: [String] { values(of: Array(repeating: 0, count: sumCount)[...]).map(\.name) }
}
