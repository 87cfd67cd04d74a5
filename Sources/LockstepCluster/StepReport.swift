/// One training step as its workers report it. All workers of a generation report the same values but for `seconds`.
package struct StepReport: Sendable, Equatable, Codable {
    package var step: UInt32
    package var epoch: UInt32
    /// The mean over the batch.
    package var loss: Double
    /// Means over the batch, by metric name in the job's order.
    package var metrics: [NamedValue]
    package var learningRate: Double
    package var samples: UInt32
    package var seconds: Double

    package struct NamedValue: Sendable, Equatable, Codable {
        package var name: String
        package var value: Double

        package init(name: String, value: Double) {
            self.name = name
            self.value = value
        }
    }

    package init(
        step: UInt32, epoch: UInt32, loss: Double, metrics: [NamedValue], learningRate: Double, samples: UInt32,
        seconds: Double
    ) {
        self.step = step
        self.epoch = epoch
        self.loss = loss
        self.metrics = metrics
        self.learningRate = learningRate
        self.samples = samples
        self.seconds = seconds
    }

    /// What is wrong with a report that a worker sent; nil where it can be one.
    var objection: String? {
        if epoch == 0 { return "epoch 0" }
        if samples == 0 { return "no samples" }
        if !seconds.isFinite || seconds < 0 { return "a time of \(seconds) s" }
        if !loss.isFinite { return "a loss that is not finite" }
        if !learningRate.isFinite { return "a learning rate that is not finite" }
        return metrics.allSatisfy(\.value.isFinite) ? nil : "a metric that is not finite"
    }
}
