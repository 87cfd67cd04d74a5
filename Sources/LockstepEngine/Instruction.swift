internal import CLockstepKernels

/// Where an operand lives.
package struct Place: Sendable, Hashable {
    package enum Space: UInt8, Sendable { case none, samples, arena }

    package var space: Space
    /// In the arena: floats per sample. Times the capacity of the lane group it is the address.
    package var offset: Int

    static let none = Place(space: .none, offset: 0)
    static let samples = Place(space: .samples, offset: 0)
}

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
        case smoothedSoftmaxCrossEntropy, elementwiseLoss
    }

    package var code: Code
    /// A ReLU follows in the same kernel.
    package var relu = false
    package var first = Place.none
    package var second = Place.none
    package var result = Place.none
    /// A second result: winners of a pool, losses of a loss.
    package var extra = Place.none
    /// A third result: which guesses are right.
    package var correct = Place.none

    /// Elements of one sample of the result, or for elementwise operations of each operand.
    package var elements = 0
    /// Matrix products: y is rows × outputs, x is rows × inputs.
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

    /// Which activation or elementwise loss.
    package var kind: UInt32 = 0
    /// An activation's or loss's parameter, a dropout's scale, the smoothing of labels.
    package var setting: Float = 0
    /// Dropout: where it draws from, and below what it drops.
    package var site: UInt32 = 0
    package var threshold: UInt32 = 0

    /// Elements of the flat vector; −1 where there is none.
    package var parameter = -1
    package var parameterCount = 0
    package var bias = -1
    /// Floats into the packed weights.
    package var packed = 0

    /// Floats into a lane's shared gradients where several operations contribute to one parameter, else −1.
    package var shared = -1
    package var isFirstContribution = true
    package var isLastContribution = true

    package init(code: Code) { self.code = code }

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

    /// Everything that the digest of a plan covers, as numbers.
    var fields: [Int] {
        let places = [first, second, result, extra, correct].flatMap { [Int($0.space.rawValue), $0.offset] }
        return [Int(code.rawValue), relu ? 1 : 0] + places
            + [elements, inputs, outputs, height, width, channels, kernelHeight, kernelWidth, stride]
            + [padding, Int(kind), Int(setting.bitPattern), Int(site), Int(threshold)]
            + [
                parameter, parameterCount, bias, packed, shared, isFirstContribution ? 1 : 0,
                isLastContribution ? 1 : 0,
            ]
    }
}
