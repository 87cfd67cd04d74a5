/// The instructions of one use of a model, training or inference, with the memory that they need.
package struct InstructionList: Sendable, Hashable {
    package internal(set) var instructions: [Instruction] = []
    /// The instructions before this one are forward and the loss.
    package internal(set) var forwardCount = 0
    /// Arena floats for each sample of a lane group.
    package internal(set) var floatsPerSample = 0
    /// Arena floats that do not depend on the group.
    package internal(set) var scratchFloats = 0
    /// Floats for each lane, where parameters have several contributions.
    package internal(set) var sharedFloatsPerLane = 0
}

extension Instruction.Code {
    /// True where the result is a parameter's gradient, summed over samples.
    var isParameterGradient: Bool {
        switch self {
        case .linearWeightGradient, .linearBiasGradient, .convolutionWeightGradient, .convolutionBiasGradient: true
        default: false
        }
    }
}

extension InstructionList {
    /// Multiplications and additions of products and convolutions for one sample; everything else is small beside them.
    var flopCounts: (forward: Int, backward: Int) {
        var counts = (forward: 0, backward: 0)
        for instruction in instructions {
            switch instruction.code {
            case .linear: counts.forward += 2 * instruction.inputs * instruction.outputs
            case .linearDataGradient, .linearWeightGradient:
                counts.backward += 2 * instruction.inputs * instruction.outputs
            case .convolution: counts.forward += instruction.convolutionFLOPs
            case .convolutionDataGradient, .convolutionWeightGradient:
                counts.backward += instruction.convolutionFLOPs
            default: break
            }
        }
        return counts
    }
}

extension Instruction {
    fileprivate var convolutionFLOPs: Int {
        let rows = (height + 2 * padding - kernelHeight) / stride + 1
        let columns = (width + 2 * padding - kernelWidth) / stride + 1
        return 2 * rows * columns * kernelHeight * kernelWidth * channels * outputs
    }
}
