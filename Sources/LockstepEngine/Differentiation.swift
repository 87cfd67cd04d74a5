/// Reverse-mode differentiation: walks a graph backwards and appends to it what computes the gradients.
extension Graph {
    /// Appends the backward operations of the loss, which is the last node.
    ///
    /// Where several operations read one value, the gradients they send back are added from the last reader to the
    /// first.
    mutating func differentiate() {
        let forward = nodes
        var needed = [Bool](repeating: false, count: values.count)
        for node in forward where !node.parameters.isEmpty || node.inputs.contains(where: { needed[$0] }) {
            for result in node.results { needed[result] = true }
        }
        var gradients = [Int?](repeating: nil, count: values.count)
        for node in forward.reversed() {
            guard node.operation.isLoss || gradients[node.results[0]] != nil else { continue }
            let wanted = node.inputs.map { needed[$0] }
            let contributions = derivative(of: node, gradient: gradients[node.results[0]] ?? -1, wanted: wanted)
            for (input, contribution) in zip(node.inputs, contributions) {
                guard needed[input], let contribution else { continue }
                if let sum = gradients[input] {
                    gradients[input] = append(.add, [sum, contribution], shape: values[input].shape)
                } else {
                    gradients[input] = contribution
                }
            }
        }
    }

    /// The table of derivatives: for each operation, what it appends and the gradient of each of its inputs, nil where
    /// it is not wanted. A parameter's gradient comes before the input's, bias before weight, in the order of the
    /// flat layout.
    private mutating func derivative(of node: Node, gradient: Int, wanted: [Bool]) -> [Int?] {
        switch node.operation {
        case .input: return []
        case .linear(let relu):
            let dy = relu ? append(.reluGradient, [node.results[0], gradient], like: gradient) : gradient
            appendParameterGradients(node, dy, weight: .linearWeightGradient, bias: .linearBiasGradient)
            guard wanted[0] else { return [nil] }
            return [append(.linearDataGradient, [dy], [node.parameters[0]], like: node.inputs[0])]
        case .convolution2D(let relu, let window):
            let dy = relu ? append(.reluGradient, [node.results[0], gradient], like: gradient) : gradient
            appendParameterGradients(
                node, dy, weight: .convolution2DWeightGradient(window), bias: .convolution2DBiasGradient)
            guard wanted[0] else { return [nil] }
            return [append(.convolution2DDataGradient(window), [dy], [node.parameters[0]], like: node.inputs[0])]
        case .maxPool2D(let window):
            return [append(.maxPool2DGradient(window), [node.results[1], gradient], like: node.inputs[0])]
        case .averagePool2D(let window):
            return [append(.averagePool2DGradient(window), [gradient], like: node.inputs[0])]
        case .activation(let activation):
            let saved = activation.savesResult ? node.results[0] : node.inputs[0]
            return [append(.activationGradient(activation), [saved, gradient], like: gradient)]
        case .softmax: return [append(.softmaxGradient, [node.results[0], gradient], like: gradient)]
        case .dropout: return [append(node.operation, [gradient], like: gradient)]
        case .relu: return [append(.reluGradient, [node.results[0], gradient], like: gradient)]
        case .channelsFirst: return [append(.channelsLast, [gradient], like: node.inputs[0])]
        case .reshape: return [append(.reshape, [gradient], like: node.inputs[0])]
        case .add: return [gradient, gradient]
        case .loss(let kind): return [node.results[kind.gradientResult]]
        case .reluGradient, .activationGradient, .softmaxGradient, .averagePool2DGradient, .linearDataGradient,
            .linearWeightGradient, .linearBiasGradient,
            .convolution2DDataGradient, .convolution2DWeightGradient, .convolution2DBiasGradient, .maxPool2DGradient,
            .channelsLast:
            // Only differentiation emits these, so no forward graph contains them.
            return node.inputs.map { _ in nil }
        }
    }

    private mutating func appendParameterGradients(_ node: Node, _ dy: Int, weight: Operation, bias: Operation) {
        if node.parameters.count > 1 {
            _ = append(bias, inputs: [dy], parameters: [node.parameters[1]], results: [])
        }
        _ = append(weight, inputs: [node.inputs[0], dy], parameters: [node.parameters[0]], results: [])
    }

    private mutating func append(
        _ operation: Operation, _ inputs: [Int], _ parameters: [Int] = [], like value: Int
    ) -> Int {
        append(operation, inputs, parameters, shape: values[value].shape)
    }

    private mutating func append(
        _ operation: Operation, _ inputs: [Int], _ parameters: [Int] = [], shape: [Int]
    ) -> Int {
        append(operation, inputs: inputs, parameters: parameters, results: [Value(shape: shape)])[0]
    }
}
