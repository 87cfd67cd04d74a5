package import LockstepCore

/// The compiled step: operations in order, their memory, the flat layout and the order of sums. The same value in
/// every process; buckets and links are no part of it.
package struct Plan: Sendable {
    package let inputShape: [Int]
    /// What the model gives for one sample.
    package let outputShape: [Int]
    /// Where the model looks tokens up in its input: numbers of at least this many are no tokens.
    package let tokenLimit: Int?
    package let loss: LossKind
    package let optimizer: OptimizerKind
    package let layout: FlatLayout
    package let training: InstructionList
    package let inference: InstructionList
    package let packings: [Packing]
    /// Floats of all packed weights.
    package let packedFloats: Int
    /// The first so many packings are all that inference needs.
    package let inferencePackings: Int
    /// Entries of the layout in the order in which backward completes their gradients.
    package let gradientOrder: [Int]
    /// The rules of the buffers.
    package let runningStatistics: [RunningStatistic]
    package let forwardFLOPsPerSample: Int
    package let backwardFLOPsPerSample: Int
    /// The model as text, an operation a line: what is computed, with which parameters, of which shapes.
    package let modelDescription: String
    /// A row for each operation of the model, in order.
    package let layerTable: [LayerRow]
    /// What is summed over samples beside the loss, in the order in which the sums stand.
    package private(set) var metricSums: [MetricSum] = []
    /// Covers everything above.
    package private(set) var digest: Digest

    /// Floats of one sample.
    package var sampleElements: Int { inputShape.reduce(1, *) }

    /// Floats that the model gives for one sample.
    package var outputElements: Int { outputShape.reduce(1, *) }

    /// What a sample's target is.
    package var target: TargetKind {
        if !loss.takesClasses { return .values(outputElements) }
        return outputShape.count == 1 ? .classes : .classSequence(outputElements / classes)
    }

    /// Words of 4 bytes of one sample's target.
    package var targetElements: Int { target.elements }

    /// The number of classes, 0 where the targets are values.
    package var classes: Int { loss.takesClasses ? outputShape.last ?? 0 : 0 }

    /// The outputs that metrics see at a time: of a sample, or of a position where its target is a sequence of classes.
    package var metricOutputs: Int { loss.takesClasses ? classes : outputElements }

    /// Doubles that each lane has beside its loss and weight.
    package var metricSumCount: Int { metricSums.reduce(0) { $0 + $1.count } }

    /// The same plan with these sums in its records.
    package func measuring(_ sums: [MetricSum]) -> Plan {
        guard !sums.isEmpty else { return self }
        var plan = self
        plan.metricSums = sums
        var builder = DigestBuilder()
        builder.update(digest.bytes)
        for sum in sums { builder.update("\(sum)") }
        plan.digest = builder.finalize()
        return plan
    }

    /// Bytes of one thread's memory for lane groups of `samples` samples in `lanes` lanes; `Int.max` where no machine
    /// has so much.
    package func arenaBytes(samples: Int, lanes: Int) -> Int {
        arenaFloats(samples: samples, lanes: lanes).multipliedSaturating(by: 4)
    }

    func arenaFloats(samples: Int, lanes: Int) -> Int {
        let values = floatsPerSample.multipliedSaturating(by: samples)
        // No machine has so much, and below it no sum overflows.
        guard values < 1 << 50 else { return .max }
        return values + laneFloats(lanes: lanes) + scratchFloats(samples: samples, lanes: lanes)
            + training.contributionFloats
    }

    var floatsPerSample: Int { max(training.floatsPerSample, inference.floatsPerSample) }

    /// Kernel scratch alone.
    func scratchFloats(samples: Int, lanes: Int) -> Int {
        max(
            training.scratchFloats(samples: samples, lanes: lanes),
            inference.scratchFloats(samples: samples, lanes: lanes))
    }

    /// What there is of each lane: statistics and sums, then contributions to shared parameters.
    func laneFloats(lanes: Int) -> Int { (training.floatsPerLane + training.sharedFloatsPerLane) * lanes }

    init(
        inputShape: [Int], outputShape: [Int], tokenLimit: Int?, loss: LossKind, optimizer: OptimizerKind,
        layout: FlatLayout, training: InstructionList, inference: InstructionList, packings: [Packing],
        packedFloats: Int, inferencePackings: Int, gradientOrder: [Int], runningStatistics: [RunningStatistic],
        modelDescription: String, layerTable: [LayerRow], digest: Digest
    ) {
        self.inputShape = inputShape
        self.outputShape = outputShape
        self.tokenLimit = tokenLimit
        self.loss = loss
        self.optimizer = optimizer
        self.layout = layout
        self.training = training
        self.inference = inference
        self.packings = packings
        self.packedFloats = packedFloats
        self.inferencePackings = inferencePackings
        self.gradientOrder = gradientOrder
        self.runningStatistics = runningStatistics
        (forwardFLOPsPerSample, backwardFLOPsPerSample) = training.flopCounts
        self.modelDescription = modelDescription
        self.layerTable = layerTable
        self.digest = digest
    }
}

extension Int {
    /// The product of two counts, or `Int.max` where it overflows.
    func multipliedSaturating(by other: Int) -> Int {
        let (product, overflow) = multipliedReportingOverflow(by: other)
        return overflow ? .max : product
    }
}
