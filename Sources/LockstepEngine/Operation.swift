/// What a node of a graph computes. Those after `loss` are emitted by differentiation alone.
enum Operation: Sendable, Hashable {
    /// Inputs none; results: the samples.
    case input
    /// x·Wᵀ + b. Inputs x; parameters weight and perhaps bias; results y.
    case linear(relu: Bool)
    /// Inputs x; parameters weight and perhaps bias; results y.
    case convolution2D(relu: Bool, Window)
    /// Inputs x; results y and the winner of each window, a byte each.
    case maxPool2D(Window)
    case averagePool2D(Window)
    case relu
    case activation(Activation)
    /// Along the only dimension.
    case softmax
    /// The same on dy gives dx.
    case dropout(Dropping)
    /// Height × width × channels to PyTorch's flat channels, height, width.
    case channelsFirst
    /// The same elements in the same order under another shape.
    case reshape
    /// Inputs a and b of one shape; results a + b.
    case add
    /// Inputs the outputs of the model; results the losses, whether guesses are right where the kernel tells, and in
    /// training the outputs' gradient.
    case loss(LossKind)

    /// Inputs relu's result and its gradient; results the gradient of relu's input.
    case reluGradient
    /// Inputs what the derivative is made of and dy; results dx.
    case activationGradient(Activation)
    /// Inputs y and dy; results dx.
    case softmaxGradient
    /// Inputs dy; parameters weight; results dx.
    case linearDataGradient
    /// Inputs x and dy; parameters the weight, whose gradient it is.
    case linearWeightGradient
    /// Inputs dy; parameters the bias, whose gradient it is.
    case linearBiasGradient
    /// Inputs dy; parameters weight; results dx.
    case convolution2DDataGradient(Window)
    /// Inputs x and dy; parameters the weight, whose gradient it is.
    case convolution2DWeightGradient(Window)
    /// Inputs dy; parameters the bias, whose gradient it is.
    case convolution2DBiasGradient
    /// Inputs the winners and dy; results dx.
    case maxPool2DGradient(Window)
    /// Inputs dy; results dx.
    case averagePool2DGradient(Window)
    /// The inverse of `channelsFirst`.
    case channelsLast

    /// How a window moves over an image.
    struct Window: Sendable, Hashable {
        var height: Int
        var width: Int
        var stride: Int
        /// Cells beside each edge.
        var padding = 0

        /// The extents of the result over an image of these extents, or nil where the window is larger than the image.
        func resultExtents(height: Int, width: Int) -> (height: Int, width: Int)? {
            let (rows, columns) = (height + 2 * padding - self.height, width + 2 * padding - self.width)
            return rows < 0 || columns < 0 ? nil : (rows / stride + 1, columns / stride + 1)
        }
    }

    /// What a dropout drops.
    struct Dropping: Sendable, Hashable {
        var probability: Double
        /// The path of its module.
        var site: String
    }

    var isLoss: Bool {
        if case .loss = self { true } else { false }
    }

    /// The result that may take over an input's memory where nothing else reads that input any more.
    var overwriting: (result: Int, input: Int)? {
        switch self {
        case .relu, .add, .activation, .softmax, .dropout: (result: 0, input: 0)
        case .reluGradient, .activationGradient, .softmaxGradient: (result: 0, input: 1)
        case .loss(let kind): (result: kind.gradientResult, input: 0)
        default: nil
        }
    }
}

extension Operation {
    /// The name alone, as the table of layers shows it.
    var name: String {
        switch self {
        case .channelsFirst, .reshape: "flatten"
        default: String(text.prefix { $0 != "[" })
        }
    }

    /// The name in a model's description, with the settings that shapes do not show.
    var text: String {
        switch self {
        case .linear: "linear"
        case .convolution2D(_, let window) where window.stride == 1 && window.padding == 0: "conv2D"
        case .convolution2D(_, let window): "conv2D[stride:\(window.stride),padding:\(window.padding)]"
        case .maxPool2D(let window): "maxPool2D[\(window.poolText)]"
        case .averagePool2D(let window): "averagePool2D[\(window.poolText)]"
        case .activation(let activation): activation.text
        case .dropout(let dropping): "dropout[probability:\(dropping.probability),site:\(dropping.site)]"
        case .loss(let kind): kind.text
        default: "\(self)"
        }
    }
}

extension Operation.Window {
    fileprivate var poolText: String {
        "kernel:\(height),stride:\(stride)" + (padding > 0 ? ",padding:\(padding)" : "")
    }
}
