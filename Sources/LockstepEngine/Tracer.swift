internal import LockstepCore

/// Records what a model does to its input. The first thing that does not fit is kept as an error and tracing goes on,
/// so that a model's code never has to handle one.
package final class Tracer {
    /// A model is traced once for each.
    package enum Mode: Sendable { case training, inference }

    package let mode: Mode
    private let names: ModelNames
    private(set) var graph = Graph()
    private(set) var error: CommandError?
    // Looked up by name only, never iterated.
    private var parameterNumbers: [String: Int] = [:]

    init(mode: Mode, names: ModelNames) {
        self.mode = mode
        self.names = names
    }

    func input(shape: [Int]) -> Tensor {
        guard elements(of: shape) != nil else {
            fail(layer: nil, "input", "a shape of \(shape) has no elements or too many")
            return Tensor(tracer: self, value: append(.input, results: [Graph.Value(shape: [1])]), shape: [1])
        }
        return Tensor(tracer: self, value: append(.input, results: [Graph.Value(shape: shape)]), shape: shape)
    }

    // MARK: Operations

    /// x·Wᵀ + b, where `weight` is [outputs, inputs] and `bias` is [outputs].
    package func linear(_ x: Tensor, weight: Parameter, bias: Parameter?, layer: AnyObject?) -> Tensor {
        guard check(x, layer, "linear") else { return x }
        guard x.shape.count == 1 else {
            return fail(
                x, layer, "linear", "takes a flat input, but what comes in is \(x.shape); put a flatten before it")
        }
        guard check(weight, bias, rank: 2, layer, "linear") else { return x }
        let inputs = x.shape[0]
        guard let outputs = positive(weight.extents[0]) else {
            return fail(x, layer, "linear", "outputs is \(text(weight.extents[0])); it must be at least 1")
        }
        if let expected = weight.extents[1], expected != inputs {
            return fail(
                x, layer, "linear",
                "takes \(expected) inputs, but what comes in is \(x.shape); write \(inputs) or leave inputs out")
        }
        guard
            let parameters = use(
                weight, [outputs, inputs], bias, outputs: outputs, fanIn: inputs, layer: layer, kind: "linear")
        else { return x }
        return result(.linear(relu: false), x, parameters, shape: [outputs])
    }

    /// A convolution with stride 1 and no padding, where `weight` is [outputs, channels, height, width].
    package func convolution2D(_ x: Tensor, weight: Parameter, bias: Parameter?, layer: AnyObject?) -> Tensor {
        guard check(x, layer, "conv2D"), isImage(x, layer, "conv2D") else { return x }
        guard check(weight, bias, rank: 4, layer, "conv2D") else { return x }
        let channels = x.shape[2]
        guard let outputs = positive(weight.extents[0]) else {
            return fail(x, layer, "conv2D", "outputs is \(text(weight.extents[0])); it must be at least 1")
        }
        if let expected = weight.extents[1], expected != channels {
            return fail(
                x, layer, "conv2D",
                "takes \(expected) channels, but what comes in is \(x.shape) (height, width, channels); "
                    + "write \(channels) or leave inputs out")
        }
        guard let height = positive(weight.extents[2]), let width = positive(weight.extents[3]) else {
            return fail(x, layer, "conv2D", "kernel is \(text(weight.extents[2])); it must be at least 1")
        }
        guard height <= x.shape[0], width <= x.shape[1] else {
            return fail(
                x, layer, "conv2D",
                "a kernel of \(height) × \(width) is larger than what comes in, \(x.shape) (height, width, channels); "
                    + "use a smaller kernel or fewer pools before it")
        }
        guard
            let parameters = use(
                weight, [outputs, channels, height, width], bias, outputs: outputs, fanIn: channels * height * width,
                layer: layer, kind: "conv2D")
        else { return x }
        let shape = [x.shape[0] - height + 1, x.shape[1] - width + 1, outputs]
        guard elements(of: shape) != nil else {
            return fail(x, layer, "conv2D", "its result of shape \(shape) has too many elements")
        }
        return result(.convolution2D(relu: false), x, parameters, shape: shape)
    }

    package func maxPool2D(_ x: Tensor, kernel: Int, stride: Int, layer: AnyObject?) -> Tensor {
        guard check(x, layer, "maxPool2D"), isImage(x, layer, "maxPool2D") else { return x }
        // A winner's place inside its window is kept in one byte.
        guard (1...15).contains(kernel) else {
            return fail(x, layer, "maxPool2D", "kernel is \(kernel); it must be 1 to 15")
        }
        guard stride >= 1 else {
            return fail(x, layer, "maxPool2D", "stride is \(stride); it must be at least 1")
        }
        guard kernel <= x.shape[0], kernel <= x.shape[1] else {
            return fail(
                x, layer, "maxPool2D",
                "a window of \(kernel) × \(kernel) is larger than what comes in, \(x.shape) (height, width, channels); "
                    + "use a smaller window or fewer pools")
        }
        let shape = [(x.shape[0] - kernel) / stride + 1, (x.shape[1] - kernel) / stride + 1, x.shape[2]]
        let results = graph.append(
            .maxPool2D(kernel: kernel, stride: stride), inputs: [x.value],
            results: [Graph.Value(shape: shape), Graph.Value(shape: shape, bytesPerElement: 1)])
        return Tensor(tracer: self, value: results[0], shape: shape)
    }

    package func relu(_ x: Tensor, layer: AnyObject?) -> Tensor {
        guard check(x, layer, "relu") else { return x }
        return result(.relu, x, [], shape: x.shape)
    }

    package func flatten(_ x: Tensor, layer: AnyObject?) -> Tensor {
        guard check(x, layer, "flatten") else { return x }
        let count = x.shape.reduce(1, *)
        // With one channel or one position the two orders are the same and nothing has to move.
        let moves = x.shape.count == 3 && x.shape[2] > 1 && x.shape[0] * x.shape[1] > 1
        return result(moves ? .channelsFirst : .reshape, x, [], shape: [count])
    }

    func add(_ left: Tensor, _ right: Tensor) -> Tensor {
        guard check(left, nil, "+"), check(right, nil, "+") else { return left }
        guard left.shape == right.shape else {
            return fail(left, nil, "+", "adds tensors of one shape, but these are \(left.shape) and \(right.shape)")
        }
        let results = graph.append(.add, inputs: [left.value, right.value], results: [Graph.Value(shape: left.shape)])
        return Tensor(tracer: self, value: results[0], shape: left.shape)
    }

    /// Ends the graph with its loss.
    ///
    /// - Returns: the number of classes.
    func finish(_ logits: Tensor, loss: LossKind) -> Int {
        switch loss {
        case .softmaxCrossEntropy:
            guard check(logits, nil, "softmaxCrossEntropy") else { return 1 }
            guard logits.shape.count == 1, logits.shape[0] >= 2 else {
                fail(
                    layer: nil, "softmaxCrossEntropy",
                    "takes one number a class, but the model gives \(logits.shape); "
                        + "end it with a linear layer of as many outputs as there are classes")
                return 1
            }
            var results = [Graph.Value(shape: [1]), Graph.Value(shape: [1], bytesPerElement: 1)]
            if mode == .training { results.append(Graph.Value(shape: logits.shape)) }
            _ = graph.append(.softmaxCrossEntropy, inputs: [logits.value], results: results)
            return logits.shape[0]
        }
    }

    // MARK: Checks

    private func append(_ operation: Operation, results: [Graph.Value]) -> Int {
        graph.append(operation, results: results)[0]
    }

    private func result(_ operation: Operation, _ x: Tensor, _ parameters: [Int], shape: [Int]) -> Tensor {
        let results = graph.append(
            operation, inputs: [x.value], parameters: parameters, results: [Graph.Value(shape: shape)])
        return Tensor(tracer: self, value: results[0], shape: shape)
    }

    private func use(
        _ weight: Parameter, _ shape: [Int], _ bias: Parameter?, outputs: Int, fanIn: Int, layer: AnyObject?,
        kind: String
    ) -> [Int]? {
        guard let number = number(of: weight, shape: shape, fanIn: fanIn, layer: layer, kind: kind) else { return nil }
        guard let bias else { return [number] }
        guard let second = self.number(of: bias, shape: [outputs], fanIn: fanIn, layer: layer, kind: kind)
        else { return nil }
        return [number, second]
    }

    private func number(
        of parameter: Parameter, shape: [Int], fanIn: Int, layer: AnyObject?, kind: String
    ) -> Int? {
        guard elements(of: shape) != nil else {
            fail(layer: layer, kind, "a parameter of shape \(shape) has too many elements")
            return nil
        }
        guard let name = names.name(of: parameter) else {
            fail(
                layer: layer, kind,
                "its parameters have no name; keep the layer in a stored property of the model, do not make it in a call"
            )
            return nil
        }
        if let known = parameterNumbers[name] {
            guard graph.parameters[known].shape == shape else {
                fail(layer: layer, kind, "'\(name)' is used as \(graph.parameters[known].shape) and as \(shape)")
                return nil
            }
            return known
        }
        let number = graph.append(
            Graph.ParameterUse(name: name, shape: shape, initializer: parameter.initializer, fanIn: fanIn))
        parameterNumbers[name] = number
        return number
    }

    private func check(_ x: Tensor, _ layer: AnyObject?, _ kind: String) -> Bool {
        guard x.tracer === self else {
            fail(layer: layer, kind, "its input was kept from another call; pass tensors on, do not store them")
            return false
        }
        return error == nil
    }

    private func check(_ weight: Parameter, _ bias: Parameter?, rank: Int, _ layer: AnyObject?, _ kind: String) -> Bool
    {
        guard weight.extents.count == rank else {
            fail(layer: layer, kind, "its weight has \(weight.extents.count) dimensions, but needs \(rank)")
            return false
        }
        guard bias.map({ $0.extents == [weight.extents[0]] }) ?? true else {
            fail(layer: layer, kind, "its bias does not have one element for each output")
            return false
        }
        return true
    }

    private func isImage(_ x: Tensor, _ layer: AnyObject?, _ kind: String) -> Bool {
        guard x.shape.count == 3 else {
            fail(
                layer: layer, kind,
                "takes images of height × width × channels, but what comes in is \(x.shape); put it before the flatten")
            return false
        }
        return true
    }

    private func positive(_ extent: Int?) -> Int? { extent.flatMap { $0 > 0 ? $0 : nil } }

    private func text(_ extent: Int?) -> String { extent.map(String.init) ?? "missing" }

    private func elements(of shape: [Int]) -> Int? {
        var count = 1
        for extent in shape {
            guard extent > 0 else { return nil }
            let (product, overflow) = count.multipliedReportingOverflow(by: extent)
            guard !overflow, product <= Graph.maximumElements else { return nil }
            count = product
        }
        return count
    }

    private func fail(_ x: Tensor, _ layer: AnyObject?, _ kind: String, _ message: String) -> Tensor {
        fail(layer: layer, kind, message)
        return x
    }

    private func fail(layer: AnyObject?, _ kind: String, _ message: String) {
        guard error == nil else { return }
        // The model itself has no name.
        let name = names.name(ofLayer: layer) ?? ""
        let place = name.isEmpty ? kind : "layer '\(name.escapedForDisplay())' (\(kind))"
        error = CommandError.usage("model: \(place): \(message)")
    }
}
