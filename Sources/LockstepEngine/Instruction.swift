internal import CLockstepKernels

/// One step of a plan: a kernel and its operands. A flat value, so that running it allocates nothing.
package struct Instruction: Sendable, Hashable {
    package enum Code: UInt8, Sendable {
        case linear, linearDataGradient, linearWeightGradient, linearBiasGradient
        case convolution, convolutionDataGradient, convolutionWeightGradient, convolutionBiasGradient
        case maxPool, maxPoolGradient
        case relu, reluGradient, add, channelsFirst, channelsLast
        case softmaxCrossEntropy
        case averagePool, averagePoolGradient
        case activation, activationGradient, softmax, softmaxGradient, dropout
        case smoothedSoftmaxCrossEntropy, elementwiseLoss, sequenceCrossEntropy
        case subtract, multiply, scale
        case copyColumns, spreadColumns, placeColumns
        case adaptiveAveragePool, adaptiveAveragePoolGradient
        case embedding, embeddingGradient, addPositions
        case layerNorm, layerNormGradient, layerNormParameterGradient
        case batchNorm, batchNormInference, batchNormGradient, batchNormParameterGradient, batchNormStatistics
        case lstm, lstmGradient, gru, gruGradient, recurrentWeightGradient, attention, attentionGradient
    }

    /// A tensor of the flat vector that an instruction reads, or whose gradient it makes.
    package struct Slot: Sendable, Hashable {
        /// Elements of the flat vector; −1 where there is none.
        package var start = -1
        package var count = 0
        /// Floats into a lane's shared gradients where several operations contribute to the tensor, else −1.
        package var shared = -1
        package var isFirstContribution = true
        package var isLastContribution = true

        fileprivate var fields: [Int] {
            [start, count, shared, isFirstContribution ? 1 : 0, isLastContribution ? 1 : 0]
        }
    }

    package var code: Code
    /// The operation's own operands.
    package var first = Place.none
    package var second = Place.none
    package var third = Place.none
    package var fourth = Place.none
    /// What is added to the result, and what the derivative is made of that it is multiplied by.
    package var residual = Place.none
    package var saved = Place.none
    package var result = Place.none
    /// Further results: winners of a pool, losses of a loss, statistics, what goes into an activation.
    package var extra = Place.none
    /// Which guesses are right.
    package var correct = Place.none

    /// The node's parameters in their order; a gradient's first is in `weight`, whatever it is.
    package var weight = Slot()
    package var bias = Slot()
    package var mean = Slot()
    package var variance = Slot()
    /// Floats into the packed weights; −1 where the kernel reads the weight as it is.
    package var packed = -1

    /// Elements of one sample of the result, or for elementwise operations of each operand.
    package var elements = 0
    /// Rows of one sample: the positions of a sequence.
    package var positions = 1
    /// Matrix products: y is rows × outputs, x is rows × inputs. Operations along rows: their elements.
    package var inputs = 0
    package var outputs = 0
    /// Images.
    package var height = 0
    package var width = 0
    package var channels = 0
    package var kernelHeight = 0
    package var kernelWidth = 0
    package var stride = 0
    package var padding = 0
    /// Columns of a slice, from `column` on. Where a weight's gradient is made in parts: the first of the part's outputs,
    /// and all of the layer; else 0.
    package var column = 0
    package var columns = 0

    /// Which activation or elementwise loss; 1 for a reversed recurrent layer and for causal attention.
    package var kind: UInt32 = 0
    /// What follows in the same kernel, as `ls_epilogue` numbers activations: the function, and the one whose derivative
    /// the result is multiplied by.
    package var function: UInt32 = 0
    package var derivative: UInt32 = 0
    /// An activation's or loss's parameter, a dropout's scale, the smoothing of labels, a normalisation's epsilon, a factor.
    package var setting: Float = 0
    /// A momentum, an offset.
    package var secondSetting: Float = 0
    /// Dropout: where it draws from, and below what it drops.
    package var site: UInt32 = 0
    package var threshold: UInt32 = 0
    /// The token whose row has no gradient, or −1.
    package var paddingToken = -1

    package init(code: Code) { self.code = code }

    /// Everything that the digest of a plan covers, as numbers.
    var fields: [Int] {
        let places = [first, second, third, fourth, residual, saved, result, extra, correct]
        var fields = [Int(code.rawValue)]
        fields += places.flatMap { [Int($0.space.rawValue), $0.offset] }
        fields += [weight, bias, mean, variance].flatMap(\.fields)
        fields += [packed, elements, positions, inputs, outputs, height, width, channels, kernelHeight, kernelWidth]
        fields += [stride, padding, column, columns, paddingToken]
        fields += [kind, function, derivative, setting.bitPattern, secondSetting.bitPattern, site, threshold].map(
            Int.init)
        return fields
    }
}

extension Instruction {
    var convolution: ls_convolution {
        ls_convolution(
            height: height, width: width, channels: channels, kernel_height: kernelHeight, kernel_width: kernelWidth,
            outputs: outputs, stride: stride, padding: padding)
    }

    var pooling: ls_pooling {
        ls_pooling(
            height: height, width: width, channels: channels, kernel: kernelHeight, stride: stride,
            padding: padding)
    }

    var adaptivePooling: ls_adaptive_pooling {
        ls_adaptive_pooling(
            height: height, width: width, channels: channels, output_height: kernelHeight, output_width: kernelWidth)
    }

    var recurrence: ls_recurrence { ls_recurrence(steps: positions, units: inputs, reverse: kind != 0) }

    var attention: ls_attention {
        ls_attention(steps: positions, heads: channels, width: width, causal: kind != 0)
    }

    var batchNormalization: ls_batch_norm {
        ls_batch_norm(positions: positions, channels: channels, epsilon: setting)
    }
}

extension Instruction.Code {
    /// True where the results are parameters' gradients, summed over samples.
    var isParameterGradient: Bool {
        switch self {
        case .linearWeightGradient, .linearBiasGradient, .convolutionWeightGradient, .convolutionBiasGradient,
            .embeddingGradient, .layerNormParameterGradient, .batchNormParameterGradient, .batchNormStatistics,
            .recurrentWeightGradient:
            true
        default: false
        }
    }

    var isLoss: Bool {
        switch self {
        case .softmaxCrossEntropy, .smoothedSoftmaxCrossEntropy, .sequenceCrossEntropy, .elementwiseLoss: true
        default: false
        }
    }

    /// True where what there is of each lane is made even of a lane without samples.
    var isPerLane: Bool { self == .batchNorm || self == .batchNormGradient }
}
