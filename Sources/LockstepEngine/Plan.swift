package import LockstepCore

/// The compiled step: operations in order, their memory, the flat layout and the order of sums. The same value in
/// every process; buckets and links are no part of it.
package struct Plan: Sendable {
    package let inputShape: [Int]
    /// Floats that the model gives for one sample.
    package let outputElements: Int
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

    /// What a sample's target is.
    package var target: TargetKind { loss.takesClasses ? .classes : .values(outputElements) }

    /// Words of 4 bytes of one sample's target.
    package var targetElements: Int { target.elements }

    /// The number of classes, 0 where the targets are values.
    package var classes: Int { loss.takesClasses ? outputElements : 0 }

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
        let (count, overflow) = floatsPerSample.multipliedSaturating(by: samples)
            .addingReportingOverflow(sharedFloats(lanes: lanes) + scratchFloats)
        return overflow ? .max : count
    }

    var floatsPerSample: Int { max(training.floatsPerSample, inference.floatsPerSample) }

    /// Kernel scratch alone.
    var kernelScratchFloats: Int { FlatLayout.aligned(max(training.scratchFloats, inference.scratchFloats)) }

    /// Kernel scratch of one thread, with room for one more contribution to a shared parameter.
    var scratchFloats: Int {
        let contribution = layout.entries.map(\.range.count).max() ?? 0
        return kernelScratchFloats + (training.sharedFloatsPerLane > 0 ? FlatLayout.aligned(contribution) : 0)
    }

    func sharedFloats(lanes: Int) -> Int { training.sharedFloatsPerLane * lanes }

    init(
        inputShape: [Int], outputElements: Int, loss: LossKind, optimizer: OptimizerKind, layout: FlatLayout,
        training: InstructionList, inference: InstructionList, packings: [Packing], packedFloats: Int,
        inferencePackings: Int, gradientOrder: [Int], modelDescription: String, layerTable: [LayerRow], digest: Digest
    ) {
        self.inputShape = inputShape
        self.outputElements = outputElements
        self.loss = loss
        self.optimizer = optimizer
        self.layout = layout
        self.training = training
        self.inference = inference
        self.packings = packings
        self.packedFloats = packedFloats
        self.inferencePackings = inferencePackings
        self.gradientOrder = gradientOrder
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
