/// What a node of a graph computes. Those after `loss` are emitted by differentiation alone.
enum Operation: Sendable, Hashable {
    /// Inputs none; results: the samples.
    case input
    /// x·Wᵀ + b, of each position of a sequence. Inputs x; parameters weight and perhaps bias; results y.
    case linear(Epilogue = Epilogue())
    /// Inputs x; parameters weight and perhaps bias; results y.
    case convolution2D(Window, Epilogue = Epilogue())
    /// Inputs x; results y and the winner of each window, a byte each.
    case maxPool2D(Window)
    case averagePool2D(Window)
    /// PyTorch's bins, as many as the result has.
    case adaptiveAveragePool2D
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
    /// Inputs a and b of one shape; results a + b, a − b, a · b.
    case add
    case subtract
    case multiply
    /// x · factor + offset.
    case scale(factor: Float, offset: Float)
    /// Part of each row. Inputs x; results y.
    case slice(Slicing)
    /// Along the last dimension. Inputs two or more; results y.
    case concatenate
    /// Inputs token numbers; parameters the table; results its rows.
    case embedding(paddingToken: Int?)
    /// Inputs x; parameters a weight of its shape; results x + weight.
    case addPositions
    /// Along the last dimension. Inputs x; parameters weight and bias, or none; results y and statistics.
    case layerNorm(epsilon: Float)
    /// By the statistics of each lane. Inputs x and perhaps a residual; parameters weight, bias, and the buffers of mean
    /// and variance; results y and statistics.
    case batchNorm(BatchNormalization)
    /// By the buffers. Inputs, parameters and results as `batchNorm`, without statistics.
    case batchNormInference(BatchNormalization)
    /// A recurrent layer. Inputs the input's part of the gates; parameters W_hh and b_hh; results hidden, the gates, and the
    /// cells or a GRU's hidden part of the new gate.
    case recurrence(Recurrence)
    /// Inputs queries, keys and values side by side; results y and the probabilities.
    case attention(Attention)
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
    case linearDataGradient(Epilogue = Epilogue())
    /// Inputs x and dy; parameters the weight, whose gradient it is.
    case linearWeightGradient
    /// Inputs dy; parameters the bias, whose gradient it is, and perhaps another with the same gradient.
    case linearBiasGradient
    /// Inputs dy; parameters weight; results dx.
    case convolution2DDataGradient(Window, Epilogue = Epilogue())
    /// Inputs x and dy; parameters the weight, whose gradient it is.
    case convolution2DWeightGradient(Window)
    /// Inputs dy; parameters the bias, whose gradient it is.
    case convolution2DBiasGradient
    /// Inputs the winners and dy; results dx.
    case maxPool2DGradient(Window)
    /// Inputs dy; results dx.
    case averagePool2DGradient(Window)
    case adaptiveAveragePool2DGradient
    /// The inverse of `channelsFirst`.
    case channelsLast
    /// Inputs dy; results dx, zero beside the slice.
    case sliceGradient(Slicing)
    /// Inputs the token numbers and dy; parameters the table, whose gradient it is.
    case embeddingGradient(paddingToken: Int?)
    /// Inputs dy; parameters the weight, whose gradient it is.
    case addPositionsGradient
    /// Inputs x, statistics, dy and perhaps a residual; parameters weight or none; results dx.
    case layerNormGradient(hasResidual: Bool = false)
    /// Inputs x, statistics and dy; parameters weight and bias, whose gradients they are.
    case layerNormParameterGradient
    /// Inputs x, statistics and dy; parameters weight; results dx and the sums of each lane.
    case batchNormGradient(BatchNormalization)
    /// Inputs the sums of each lane; parameters weight and bias, whose gradients they are.
    case batchNormParameterGradient
    /// Inputs the gates, of a GRU the hidden, the cells or hidden part, and dy; parameters W_hh; results the gradient of the
    /// input's part of the gates and, of a GRU, that of the hidden part.
    case recurrenceGradient(Recurrence)
    /// Inputs the gradient of the hidden part of the gates, and the hidden; parameters W_hh, whose gradient it is.
    case recurrentWeightGradient(Recurrence)
    /// Inputs queries, keys and values, the probabilities and dy; results dx.
    case attentionGradient(Attention)
    /// Inputs the statistics; parameters the buffers of mean and variance.
    case batchNormStatistics(BatchNormalization)

    var isLoss: Bool {
        if case .loss = self { true } else { false }
    }

    /// True where each position meets every element of the first parameter.
    var multipliesWeight: Bool {
        switch self {
        case .linear, .convolution2D, .recurrence: true
        default: false
        }
    }

    /// The result that may take over the memory of one of these inputs, where nothing else reads that input any more.
    var overwriting: (result: Int, inputs: [Int])? {
        switch self {
        case .relu, .activation, .softmax, .dropout, .scale, .addPositions: (result: 0, inputs: [0])
        case .add, .subtract, .multiply: (result: 0, inputs: [0, 1])
        case .reluGradient, .activationGradient, .softmaxGradient: (result: 0, inputs: [1])
        case .loss(let kind): (result: kind.gradientResult, inputs: [0])
        case .layerNormGradient(let hasResidual): (result: 0, inputs: hasResidual ? [3, 2] : [2])
        case .batchNormGradient: (result: 0, inputs: [2])
        case .recurrence: (result: 1, inputs: [0])
        case .recurrenceGradient: (result: 0, inputs: [0])
        default: nil
        }
    }
}
