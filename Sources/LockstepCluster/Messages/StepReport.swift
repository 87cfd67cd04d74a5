internal import LockstepCore

/// One training step as its workers report it. All workers of a generation report the same values but for `seconds` and
/// `computeSeconds`.
package struct StepReport: Sendable, Equatable {
    package var step: UInt32
    package var epoch: UInt32
    /// The mean over the batch.
    package var loss: Double
    /// Means over the batch, by metric name in the job's order.
    package var metrics: [NamedValue]
    package var learningRate: Double
    package var samples: UInt32
    package var seconds: Double
    /// What the reporting worker's own lanes took, forward and backward; 0 where that was not measured.
    package var computeSeconds: Double
    /// In which the step was computed. The core writes this and what follows, from the records of all members.
    package var generation: UInt32 = 0
    /// For each member, in roster order, the hash over the numbers of the samples that its lanes used.
    package var sampleHashes: [UInt64] = []
    /// The sum of the hashes of all lanes over the steps of the epoch so far, modulo 2⁶⁴. A part of S(step).
    package var epochSampleSum: UInt64 = 0

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
        seconds: Double, computeSeconds: Double = 0
    ) {
        self.step = step
        self.epoch = epoch
        self.loss = loss
        self.metrics = metrics
        self.learningRate = learningRate
        self.samples = samples
        self.seconds = seconds
        self.computeSeconds = computeSeconds
    }

    /// What is wrong with a report that a worker sent; nil where it can be one.
    var objection: String? {
        if epoch == 0 { return "epoch 0" }
        if samples == 0 { return "no samples" }
        if let time = [seconds, computeSeconds].first(where: { !$0.isFinite || $0 < 0 }) {
            return "a time of \(time) s"
        }
        if !loss.isFinite { return "a loss that is not finite" }
        if !learningRate.isFinite { return "a learning rate that is not finite" }
        return metrics.allSatisfy(\.value.isFinite) ? nil : "a metric that is not finite"
    }
}

extension StepReport: Codable {
    private enum Key: String, CodingKey {
        case step, epoch, loss, metrics, learningRate, samples, seconds, computeSeconds, generation, sampleHashes
        case epochSampleSum
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        func hash(_ text: String, _ key: Key) throws -> UInt64 {
            guard let hash = UInt64(sixteenDigits: text) else {
                throw DecodingError.dataCorruptedError(
                    forKey: key, in: container, debugDescription: "not 16 hexadecimal digits")
            }
            return hash
        }
        step = try container.decode(UInt32.self, forKey: .step)
        epoch = try container.decode(UInt32.self, forKey: .epoch)
        loss = try container.decode(Double.self, forKey: .loss)
        metrics = try container.decode([NamedValue].self, forKey: .metrics)
        learningRate = try container.decode(Double.self, forKey: .learningRate)
        samples = try container.decode(UInt32.self, forKey: .samples)
        seconds = try container.decode(Double.self, forKey: .seconds)
        computeSeconds = try container.decode(Double.self, forKey: .computeSeconds)
        generation = try container.decode(UInt32.self, forKey: .generation)
        sampleHashes = try container.decode([String].self, forKey: .sampleHashes).map { try hash($0, .sampleHashes) }
        epochSampleSum = try hash(
            try container.decode(String.self, forKey: .epochSampleSum), .epochSampleSum)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(step, forKey: .step)
        try container.encode(epoch, forKey: .epoch)
        try container.encode(loss, forKey: .loss)
        try container.encode(metrics, forKey: .metrics)
        try container.encode(learningRate, forKey: .learningRate)
        try container.encode(samples, forKey: .samples)
        try container.encode(seconds, forKey: .seconds)
        try container.encode(computeSeconds, forKey: .computeSeconds)
        try container.encode(generation, forKey: .generation)
        try container.encode(sampleHashes.map(\.sixteenDigits), forKey: .sampleHashes)
        try container.encode(epochSampleSum.sixteenDigits, forKey: .epochSampleSum)
    }
}
