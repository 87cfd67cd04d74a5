/// What a node of a graph computes. Those after `softmaxCrossEntropy` are emitted by differentiation.
enum Operation: Sendable, Hashable {
    /// Inputs none; results: the samples.
    case input
    /// x·Wᵀ + b. Inputs x; parameters weight and perhaps bias; results y.
    case linear(relu: Bool)
    /// Stride 1, no padding. Inputs x; parameters weight and perhaps bias; results y.
    case convolution2D(relu: Bool)
    /// Inputs x; results y and the winner of each window, a byte each.
    case maxPool2D(kernel: Int, stride: Int)
    case relu
    /// Height × width × channels to PyTorch's flat channels, height, width.
    case channelsFirst
    /// The same elements in the same order under another shape.
    case reshape
    /// Inputs a and b of one shape; results a + b.
    case add
    /// Inputs the logits; results the loss and whether the guess is right, and in training the logits' gradient.
    case softmaxCrossEntropy

    /// Inputs relu's result and its gradient; results the gradient of relu's input.
    case reluGradient
    /// Inputs dy; parameters weight; results dx.
    case linearDataGradient
    /// Inputs x and dy; parameters the weight, whose gradient it is.
    case linearWeightGradient
    /// Inputs dy; parameters the bias, whose gradient it is.
    case linearBiasGradient
    /// Inputs dy; parameters weight; results dx.
    case convolution2DDataGradient
    /// Inputs x and dy; parameters the weight, whose gradient it is.
    case convolution2DWeightGradient
    /// Inputs dy; parameters the bias, whose gradient it is.
    case convolution2DBiasGradient
    /// Inputs the winners and dy; results dx.
    case maxPool2DGradient(kernel: Int, stride: Int)
    /// The inverse of `channelsFirst`.
    case channelsLast

    /// True where the node's result is the gradient of its parameter, summed over samples.
    var isParameterGradient: Bool {
        switch self {
        case .linearWeightGradient, .linearBiasGradient, .convolution2DWeightGradient, .convolution2DBiasGradient: true
        default: false
        }
    }

    /// The result that may take over an input's memory where nothing else reads that input any more.
    var overwriting: (result: Int, input: Int)? {
        switch self {
        case .relu, .add: (result: 0, input: 0)
        case .reluGradient: (result: 0, input: 1)
        case .softmaxCrossEntropy: (result: 2, input: 0)
        default: nil
        }
    }
}
