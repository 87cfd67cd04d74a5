import LockstepCore

@testable import LockstepEngine

/// A small network as a list, so that the engine and a reference compute the same thing.
struct TestNet: Sendable {
    typealias Cell = Operation.Recurrence.Cell

    enum Layer: Sendable {
        /// Of a flat input, or of each position.
        case linear(Int, bias: Bool = true)
        case convolution(Int, kernel: Int, stride: Int = 1, padding: Int = 0, bias: Bool = true)
        case pool(Int, stride: Int, padding: Int = 0)
        case averagePool(Int, stride: Int, padding: Int = 0)
        case relu
        case activation(Activation)
        case softmax
        case dropout(Double)
        case flatten
        case adaptivePool(Int, Int)
        case embedding(Int, Int, paddingToken: Int? = nil)
        /// A linear layer without bias whose weight is the embedding's of that index.
        case tied(Int)
        case positions
        case layerNorm(isAffine: Bool = true)
        case batchNorm(momentum: Double = 0.1)
        case recurrence(Cell, Int, reverse: Bool = false)
        case attention(heads: Int, causal: Bool, dropout: Double = 0)
        case position(Int)
        case slice(Range<Int>)
        case mean
        case reshape([Int])
        /// (2 · x · x − x) + ½.
        case polynomial
        /// x + the layers applied to x.
        case residual([Layer])
        /// What these give for x, beside each other along the last dimension.
        case concatenate([Layer], [Layer])
        /// The layers of the index before it once more, with the same parameters.
        case again(Int)
    }

    let input: [Int]
    let layers: [Layer]
    var loss = LossKind.softmaxCrossEntropy

    static let perceptron = TestNet(input: [7], layers: [.linear(9), .relu, .linear(5)])
    static let convolutional = TestNet(
        input: [9, 8, 2],
        layers: [
            .convolution(5, kernel: 3), .relu, .pool(2, stride: 2), .convolution(4, kernel: 2, bias: false), .relu,
            .flatten, .linear(6), .relu, .linear(4),
        ])

    /// The plan, for which parameters are called `<index>.weight` and `<index>.bias`.
    func plan(optimizer: OptimizerKind = .sgd, isFused: Bool = true) throws -> Plan {
        var names = ModelNames()
        let parameters = makeParameters(layers, path: "", &names)
        return try Plan.compile(
            names: names, inputShape: input, loss: loss, optimizer: optimizer, isFused: isFused
        ) { apply(layers, $0, path: "", parameters) }
    }

    /// The training graph as it is lowered.
    func trainingGraph(isFused: Bool = true) -> Graph {
        var names = ModelNames()
        let parameters = makeParameters(layers, path: "", &names)
        let tracer = Tracer(mode: .training, names: names)
        let logits = apply(layers, tracer.input(shape: input), path: "", parameters)
        _ = tracer.finish(logits, loss: loss)
        var graph = tracer.graph
        graph.dropDeadNodes()
        graph.differentiate()
        if isFused { graph.fuse() }
        return graph
    }

    private typealias Parameters = [String: [String: Parameter]]

    /// By layer and name.
    private func makeParameters(_ layers: [Layer], path: String, _ names: inout ModelNames) -> Parameters {
        var found: Parameters = [:]
        for (index, layer) in layers.enumerated() {
            let name = "\(path)\(index)"
            let made: KeyValuePairs<String, Parameter>
            switch layer {
            case .linear(let outputs, true):
                made = ["weight": Parameter([outputs, nil]), "bias": Parameter([outputs])]
            case .linear(let outputs, false): made = ["weight": Parameter([outputs, nil])]
            case .convolution(let outputs, let kernel, _, _, let bias):
                let weight = Parameter([outputs, nil, kernel, kernel])
                made = bias ? ["weight": weight, "bias": Parameter([outputs])] : ["weight": weight]
            case .embedding(let count, let width, _): made = ["weight": Parameter([count, width])]
            case .positions: made = ["weight": Parameter([nil, nil])]
            case .recurrence(let cell, let units, _): made = TestNet.parameters(cell, units)
            case .layerNorm(true): made = ["weight": Parameter([nil]), "bias": Parameter([nil])]
            case .batchNorm:
                made = [
                    "weight": Parameter([nil]), "bias": Parameter([nil]),
                    "running_mean": Parameter([nil], initializer: .zeros, isBuffer: true),
                    "running_var": Parameter([nil], initializer: .ones, isBuffer: true),
                ]
            case .residual(let inner):
                found.merge(makeParameters(inner, path: "\(name).", &names)) { first, _ in first }
                continue
            case .concatenate(let first, let second):
                found.merge(makeParameters(first, path: "\(name).0.", &names)) { first, _ in first }
                found.merge(makeParameters(second, path: "\(name).1.", &names)) { first, _ in first }
                continue
            default: continue
            }
            for (key, parameter) in made { names.add(parameter, name: "\(name).\(key)") }
            found[name] = Dictionary(uniqueKeysWithValues: made.map { ($0, $1) })
        }
        return found
    }

    private func apply(_ layers: [Layer], _ input: Tensor, path: String, _ parameters: Parameters) -> Tensor {
        var x = input
        for index in layers.indices {
            var (layer, source) = (layers[index], index)
            if case .again(let earlier) = layer { (layer, source) = (layers[earlier], earlier) }
            if case .tied(let earlier) = layer { source = earlier }
            let name = "\(path)\(source)"
            x = apply(layer, x, name, parameters, parameters[name] ?? [:])
        }
        return x
    }

    private func apply(
        _ layer: Layer, _ x: Tensor, _ name: String, _ parameters: Parameters, _ own: [String: Parameter]
    ) -> Tensor {
        let tracer = x.tracer
        switch layer {
        case .activation(let activation): return tracer.activation(x, activation, layer: nil)
        case .softmax: return softmax(x)
        case .dropout(let probability): return dropout(x, probability)
        case .relu: return relu(x)
        case .flatten: return x.flattened()
        case .pool(let kernel, let stride, let padding): return maxPool2D(x, kernel, stride: stride, padding: padding)
        case .averagePool(let kernel, let stride, let padding):
            return averagePool2D(x, kernel, stride: stride, padding: padding)
        case .adaptivePool(let height, let width): return adaptiveAveragePool2D(x, height: height, width: width)
        case .layerNorm:
            return tracer.layerNorm(x, weight: own["weight"], bias: own["bias"], epsilon: 1e-3, layer: nil)
        case .attention(let heads, let causal, let dropout):
            return tracer.attention(x, heads: heads, causal: causal, dropout: dropout, layer: nil)
        case .recurrence(let cell, _, let reverse): return TestNet.recurrence(x, cell, reverse: reverse, own)
        case .position(let index): return x.position(index)
        case .slice(let range): return x.slice(range)
        case .mean: return meanOverPositions(x)
        case .reshape(let shape): return x.reshaped(shape)
        case .polynomial: return 0.5 + ((2 * x) * x - x)
        case .residual(let inner): return x + apply(inner, x, path: "\(name).", parameters)
        case .concatenate(let first, let second):
            return LockstepEngine.concatenate(
                apply(first, x, path: "\(name).0.", parameters), apply(second, x, path: "\(name).1.", parameters))
        case .again: return x
        case .linear, .tied, .convolution, .embedding, .positions, .batchNorm: break
        }
        guard let weight = own["weight"] else { return x }
        switch layer {
        case .linear, .tied: return tracer.linear(x, weight: weight, bias: own["bias"], layer: nil)
        case .convolution(_, _, let stride, let padding, _):
            return tracer.convolution2D(
                x, weight: weight, bias: own["bias"], stride: stride, padding: padding, layer: nil)
        case .embedding(_, _, let padding):
            return tracer.embedding(x, weight: weight, paddingToken: padding, layer: nil)
        case .positions: return tracer.addPositions(x, weight: weight, layer: nil)
        case .batchNorm(let momentum):
            guard let bias = own["bias"], let mean = own["running_mean"], let variance = own["running_var"]
            else { return x }
            return tracer.batchNorm(
                x, weight: weight, bias: bias, mean: mean, variance: variance, epsilon: 1e-3, momentum: momentum,
                layer: nil)
        default: return x
        }
    }
}
