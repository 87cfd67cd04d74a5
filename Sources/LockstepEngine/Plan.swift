package import LockstepCore

/// What a job minimises.
package enum LossKind: UInt8, Sendable, Hashable { case softmaxCrossEntropy }

/// Which vectors an optimizer keeps beside the parameters.
package enum OptimizerKind: UInt8, Sendable, Hashable {
    case sgd, adam

    /// PyTorch's names, in order.
    package var vectorNames: [String] {
        switch self {
        case .sgd: []
        case .adam: ["exp_avg", "exp_avg_sq"]
        }
    }
}

/// The compiled step: operations in order, their memory, the flat layout and the order of sums. The same value in
/// every process; buckets and links are no part of it.
package struct Plan: Sendable {
    package let inputShape: [Int]
    package let classes: Int
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
    /// Covers everything above.
    package let digest: Digest

    /// Floats of one sample.
    package var sampleElements: Int { inputShape.reduce(1, *) }

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
}

extension Int {
    /// The product of two counts, or `Int.max` where it overflows.
    func multipliedSaturating(by other: Int) -> Int {
        let (product, overflow) = multipliedReportingOverflow(by: other)
        return overflow ? .max : product
    }
}
