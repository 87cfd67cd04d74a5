extension Graph {
    /// The table of derivatives: for each operation, what it appends and the gradient of each of its inputs, nil where
    /// it is not wanted. A parameter's gradient comes before the input's, bias before weight, in the order of the
    /// flat layout.
    mutating func derivative(of node: Node, gradient dy: Int, wanted: [Bool]) -> [Int?] {
        guard let x = node.inputs.first else { return [] }
        let y = node.results[0]
        switch node.operation {
        case .linear:
            appendGradients(node, dy, weight: .linearWeightGradient, bias: .linearBiasGradient)
            return [wanted[0] ? append(.linearDataGradient(), [dy], [node.parameters[0]], like: x) : nil]
        case .convolution2D(let window, _):
            appendGradients(node, dy, weight: .convolution2DWeightGradient(window), bias: .convolution2DBiasGradient)
            return [wanted[0] ? append(.convolution2DDataGradient(window), [dy], [node.parameters[0]], like: x) : nil]
        case .maxPool2D(let window): return [append(.maxPool2DGradient(window), [node.results[1], dy], like: x)]
        case .averagePool2D(let window): return [append(.averagePool2DGradient(window), [dy], like: x)]
        case .adaptiveAveragePool2D: return [append(.adaptiveAveragePool2DGradient, [dy], like: x)]
        case .activation(let activation):
            return [append(.activationGradient(activation), [activation.savesResult ? y : x, dy], like: x)]
        case .softmax: return [append(.softmaxGradient, [y, dy], like: x)]
        case .dropout: return [append(node.operation, [dy], like: x)]
        case .relu: return [append(.reluGradient, [y, dy], like: x)]
        case .channelsFirst: return [append(.channelsLast, [dy], like: x)]
        case .reshape: return [append(.reshape, [dy], like: x)]
        case .add: return [dy, dy]
        case .subtract: return [dy, wanted[1] ? append(.scale(factor: -1, offset: 0), [dy], like: x) : nil]
        case .multiply:
            return zip(node.inputs.reversed(), wanted).map { $1 ? append(.multiply, [dy, $0], like: x) : nil }
        case .scale(let factor, _): return [append(.scale(factor: factor, offset: 0), [dy], like: x)]
        case .slice(let slicing): return [append(.sliceGradient(slicing), [dy], like: x)]
        case .concatenate: return parts(of: dy, node, wanted)
        case .embedding(let padding):
            appendGradient(.embeddingGradient(paddingToken: padding), [x, dy], of: node.parameters)
            return [nil]
        case .addPositions:
            appendGradient(.addPositionsGradient, [dy], of: node.parameters)
            return [dy]
        case .layerNorm: return [layerNormGradient(node, dy, wanted)]
        case .batchNorm(let own): return [batchNormGradient(node, own, dy)]
        case .recurrence(let own): return [recurrenceGradient(node, own, dy)]
        case .attention(let own): return [attentionGradient(node, own, dy)]
        case .loss(let kind): return [node.results[kind.gradientResult]]
        case .input, .reluGradient, .activationGradient, .softmaxGradient, .averagePool2DGradient, .linearDataGradient,
            .linearWeightGradient, .linearBiasGradient, .convolution2DDataGradient, .convolution2DWeightGradient,
            .convolution2DBiasGradient, .maxPool2DGradient, .adaptiveAveragePool2DGradient, .channelsLast,
            .sliceGradient, .embeddingGradient, .addPositionsGradient, .layerNormGradient, .layerNormParameterGradient,
            .batchNormInference, .batchNormGradient, .batchNormParameterGradient, .batchNormStatistics,
            .recurrenceGradient,
            .recurrentWeightGradient, .attentionGradient:
            // No graph of training contains them before it is differentiated.
            return node.inputs.map { _ in nil }
        }
    }

    private mutating func appendGradients(_ node: Node, _ dy: Int, weight: Operation, bias: Operation) {
        if node.parameters.count > 1 { appendGradient(bias, [dy], of: [node.parameters[1]]) }
        appendGradient(weight, [node.inputs[0], dy], of: [node.parameters[0]])
    }

    /// The slices of dy that belong to the inputs of a concatenation.
    private mutating func parts(of dy: Int, _ node: Node, _ wanted: [Bool]) -> [Int?] {
        let shape = values[dy].shape
        let width = shape[shape.count - 1]
        var start = 0
        return zip(node.inputs, wanted).map { input, isWanted in
            let columns = start..<start + (values[input].shape.last ?? 0)
            start = columns.upperBound
            let slicing = Operation.Slicing(rows: values[dy].elements / width, width: width, columns: columns)
            return isWanted ? append(.slice(slicing), [dy], like: input) : nil
        }
    }

    private mutating func layerNormGradient(_ node: Node, _ dy: Int, _ wanted: [Bool]) -> Int? {
        let (x, statistics) = (node.inputs[0], node.results[1])
        if !node.parameters.isEmpty {
            appendGradient(.layerNormParameterGradient, [x, statistics, dy], of: node.parameters)
        }
        return wanted[0]
            ? append(.layerNormGradient(), [x, statistics, dy], Array(node.parameters.prefix(1)), like: x) : nil
    }

    /// The parameters' gradients are made of the sums that the data's gradient needs.
    private mutating func batchNormGradient(_ node: Node, _ own: Operation.BatchNormalization, _ dy: Int) -> Int? {
        let (x, statistics) = (node.inputs[0], node.results[1])
        let channels = values[x].shape.last ?? 0
        appendGradient(.batchNormStatistics(own), [statistics], of: Array(node.parameters.suffix(2)))
        let results = append(
            .batchNormGradient(own), inputs: [x, statistics, dy], parameters: [node.parameters[0]],
            results: [Value(shape: values[x].shape), Value(shape: [2, channels], isPerLane: true)])
        appendGradient(.batchNormParameterGradient, [results[1]], of: Array(node.parameters.prefix(2)))
        return results[0]
    }
}
