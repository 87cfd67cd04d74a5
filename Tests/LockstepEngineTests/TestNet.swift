import LockstepCore

@testable import LockstepEngine

/// A small network as a list, so that the engine and a reference compute the same thing.
struct TestNet: Sendable {
    enum Layer: Sendable {
        case linear(Int, bias: Bool = true)
        case convolution(Int, kernel: Int, stride: Int = 1, padding: Int = 0, bias: Bool = true)
        case pool(Int, stride: Int, padding: Int = 0)
        case averagePool(Int, stride: Int, padding: Int = 0)
        case relu
        case activation(Activation)
        case softmax
        case dropout(Double)
        case flatten
        /// x + the layers applied to x.
        case residual([Layer])
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
    func plan(optimizer: OptimizerKind = .sgd) throws -> Plan {
        var names = ModelNames()
        let parameters = makeParameters(layers, path: "", &names)
        return try Plan.compile(
            names: names, inputShape: input, loss: loss, optimizer: optimizer
        ) { apply(layers, $0, path: "", parameters) }
    }

    /// The training graph as it is lowered.
    func trainingGraph() -> Graph {
        var names = ModelNames()
        let parameters = makeParameters(layers, path: "", &names)
        let tracer = Tracer(mode: .training, names: names)
        let logits = apply(layers, tracer.input(shape: input), path: "", parameters)
        _ = tracer.finish(logits, loss: loss)
        var graph = tracer.graph
        graph.dropDeadNodes()
        graph.fuseActivations()
        graph.differentiate()
        return graph
    }

    private func makeParameters(
        _ layers: [Layer], path: String, _ names: inout ModelNames
    ) -> [String: (weight: Parameter, bias: Parameter?)] {
        var found: [String: (weight: Parameter, bias: Parameter?)] = [:]
        for (index, layer) in layers.enumerated() {
            let name = "\(path)\(index)"
            let made: (weight: Parameter, bias: Parameter?)
            switch layer {
            case .linear(let outputs, let bias):
                made = (Parameter([outputs, nil]), bias ? Parameter([outputs]) : nil)
            case .convolution(let outputs, let kernel, _, _, let bias):
                made = (Parameter([outputs, nil, kernel, kernel]), bias ? Parameter([outputs]) : nil)
            case .residual(let inner):
                found.merge(makeParameters(inner, path: "\(name).", &names)) { first, _ in first }
                continue
            default: continue
            }
            names.add(made.weight, name: "\(name).weight")
            if let bias = made.bias { names.add(bias, name: "\(name).bias") }
            found[name] = made
        }
        return found
    }

    private func apply(
        _ layers: [Layer], _ input: Tensor, path: String,
        _ parameters: [String: (weight: Parameter, bias: Parameter?)]
    ) -> Tensor {
        var x = input
        for index in layers.indices {
            var (layer, source) = (layers[index], index)
            if case .again(let earlier) = layer { (layer, source) = (layers[earlier], earlier) }
            let name = "\(path)\(source)"
            switch layer {
            case .linear:
                guard let own = parameters[name] else { return x }
                x = x.tracer.linear(x, weight: own.weight, bias: own.bias, layer: nil)
            case .convolution(_, _, let stride, let padding, _):
                guard let own = parameters[name] else { return x }
                x = x.tracer.convolution2D(
                    x, weight: own.weight, bias: own.bias, stride: stride, padding: padding, layer: nil)
            case .pool(let kernel, let stride, let padding):
                x = maxPool2D(x, kernel, stride: stride, padding: padding)
            case .averagePool(let kernel, let stride, let padding):
                x = averagePool2D(x, kernel, stride: stride, padding: padding)
            case .activation(let activation): x = x.tracer.activation(x, activation, layer: nil)
            case .softmax: x = softmax(x)
            case .dropout(let probability): x = dropout(x, probability)
            case .relu: x = relu(x)
            case .flatten: x = x.flattened()
            case .residual(let inner): x = x + apply(inner, x, path: "\(name).", parameters)
            case .again: break
            }
        }
        return x
    }
}
