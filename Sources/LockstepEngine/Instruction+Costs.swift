internal import CLockstepKernels

// What instructions need and do.
extension Instruction {
    /// Floats of kernel scratch for groups of at most so many samples and lanes.
    func scratchFloats(samples: Int, lanes: Int) -> Int {
        switch code {
        case .linearWeightGradient: return ls_weight_gradient_scratch_count(outputs, inputs)
        case .convolution, .convolutionDataGradient, .convolutionWeightGradient:
            var shape = convolution
            return ls_convolution_scratch_count(&shape)
        case .embeddingGradient:
            return ls_embedding_scratch_count(inputs, samples.multipliedSaturating(by: positions))
        case .lstm, .lstmGradient, .gru, .gruGradient, .recurrentWeightGradient:
            var shape = recurrence
            return ls_recurrence_scratch_count(&shape, outputs, samples, lanes)
        case .attention, .attentionGradient:
            var shape = attention
            return ls_attention_scratch_count(&shape)
        default: return 0
        }
    }

    /// Multiplications and additions for one sample; 0 where they are few beside those of products and convolutions.
    var flopsPerSample: Int {
        switch code {
        case .linear, .linearDataGradient, .linearWeightGradient, .lstm, .lstmGradient, .gru, .gruGradient,
            .recurrentWeightGradient:
            return 2 * positions * inputs * outputs
        case .attention, .attentionGradient:
            let pairs = kind != 0 ? positions * (positions + 1) / 2 : positions * positions
            return (code == .attention ? 4 : 8) * pairs * channels * width
        case .convolution, .convolutionDataGradient, .convolutionWeightGradient:
            let rows = (height + 2 * padding - kernelHeight) / stride + 1
            let columns = (width + 2 * padding - kernelWidth) / stride + 1
            return 2 * rows * columns * kernelHeight * kernelWidth * channels * outputs
        default: return 0
        }
    }
}

extension InstructionList {
    /// Multiplications and additions of products and convolutions for one sample; everything else is small beside them.
    var flopCounts: (forward: Int, backward: Int) {
        let counts = instructions.map(\.flopsPerSample)
        return (counts[..<forwardCount].reduce(0, +), counts[forwardCount...].reduce(0, +))
    }

    /// Floats of kernel scratch for groups of at most so many samples and lanes.
    func scratchFloats(samples: Int, lanes: Int) -> Int {
        FlatLayout.aligned(instructions.reduce(0) { max($0, $1.scratchFloats(samples: samples, lanes: lanes)) })
    }

    /// Room for one more contribution to each parameter of an instruction, where some are shared.
    var contributionFloats: Int {
        guard sharedFloatsPerLane > 0 else { return 0 }
        return instructions.filter(\.code.isParameterGradient).reduce(0) {
            max($0, FlatLayout.aligned($1.weight.count) + FlatLayout.aligned($1.bias.count))
        }
    }
}
