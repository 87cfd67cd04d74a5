import LockstepCore

@testable import LockstepEngine

/// A small network as a list, so that the engine and a reference compute the same thing.
struct TestNet: Sendable {
    enum Layer: Sendable {
        case linear(Int, bias: Bool = true)
        case convolution(Int, kernel: Int, bias: Bool = true)
        case pool(Int, stride: Int)
        case relu
        case flatten
        /// x + the layers applied to x.
        case residual([Layer])
        /// The layers of the index before it once more, with the same parameters.
        case again(Int)
    }

    let input: [Int]
    let layers: [Layer]

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
            names: names, inputShape: input, loss: .softmaxCrossEntropy, optimizer: optimizer
        ) { apply(layers, $0, path: "", parameters) }
    }

    /// The training graph as it is lowered.
    func trainingGraph() -> Graph {
        var names = ModelNames()
        let parameters = makeParameters(layers, path: "", &names)
        let tracer = Tracer(mode: .training, names: names)
        let logits = apply(layers, tracer.input(shape: input), path: "", parameters)
        _ = tracer.finish(logits, loss: .softmaxCrossEntropy)
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
            case .convolution(let outputs, let kernel, let bias):
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
            case .convolution:
                guard let own = parameters[name] else { return x }
                x = x.tracer.convolution2D(x, weight: own.weight, bias: own.bias, layer: nil)
            case .pool(let kernel, let stride): x = maxPool2D(x, kernel, stride: stride)
            case .relu: x = relu(x)
            case .flatten: x = x.flattened()
            case .residual(let inner): x = x + apply(inner, x, path: "\(name).", parameters)
            case .again: break
            }
        }
        return x
    }

    // MARK: The same in double precision, as plainly as possible

    /// The loss of one sample.
    func loss(_ sample: [Double], label: Int, _ parameters: [String: [Double]]) -> Double {
        let logits = forward(layers, sample, input, path: "", parameters).values
        let largest = logits.max() ?? 0
        let sum = logits.reduce(0) { $0 + exponential($1 - largest) }
        return logarithm(sum) - (logits[label] - largest)
    }

    private func forward(
        _ layers: [Layer], _ values: [Double], _ shape: [Int], path: String, _ parameters: [String: [Double]]
    ) -> (values: [Double], shape: [Int]) {
        var (x, shape) = (values, shape)
        for index in layers.indices {
            var (layer, source) = (layers[index], index)
            if case .again(let earlier) = layer { (layer, source) = (layers[earlier], earlier) }
            let weight = parameters["\(path)\(source).weight"] ?? []
            let bias = parameters["\(path)\(source).bias"]
            switch layer {
            case .linear(let outputs, _):
                let inputs = x
                x = (0..<outputs).map { o in
                    var sum = bias?[o] ?? 0
                    for (i, value) in inputs.enumerated() { sum += weight[o * inputs.count + i] * value }
                    return sum
                }
                shape = [outputs]
            case .convolution(let outputs, let kernel, _):
                (x, shape) = convolve(x, shape, outputs, kernel, weight, bias)
            case .pool(let kernel, let stride): (x, shape) = pool(x, shape, kernel, stride)
            case .relu: x = x.map { max($0, 0) }
            case .flatten:
                let (positions, channels) = (shape[0] * shape[1], shape[2])
                let image = x
                x = (0..<positions * channels).map { image[$0 % positions * channels + $0 / positions] }
                shape = [x.count]
            case .residual(let inner):
                let branch = forward(inner, x, shape, path: "\(path)\(index).", parameters).values
                x = zip(x, branch).map { $0 + $1 }
            case .again: break
            }
        }
        return (x, shape)
    }

    private func convolve(
        _ x: [Double], _ shape: [Int], _ outputs: Int, _ kernel: Int, _ weight: [Double], _ bias: [Double]?
    ) -> ([Double], [Int]) {
        let (width, channels) = (shape[1], shape[2])
        let result = [shape[0] - kernel + 1, width - kernel + 1, outputs]
        var y: [Double] = []
        for row in 0..<result[0] {
            for column in 0..<result[1] {
                for o in 0..<outputs {
                    var sum = bias?[o] ?? 0
                    for c in 0..<channels {
                        for ky in 0..<kernel {
                            for kx in 0..<kernel {
                                let tap = ((o * channels + c) * kernel + ky) * kernel + kx
                                let pixel = ((row + ky) * width + column + kx) * channels + c
                                sum += weight[tap] * x[pixel]
                            }
                        }
                    }
                    y.append(sum)
                }
            }
        }
        return (y, result)
    }

    private func pool(_ x: [Double], _ shape: [Int], _ kernel: Int, _ stride: Int) -> ([Double], [Int]) {
        let (width, channels) = (shape[1], shape[2])
        let result = [(shape[0] - kernel) / stride + 1, (width - kernel) / stride + 1, channels]
        var y: [Double] = []
        for row in 0..<result[0] {
            for column in 0..<result[1] {
                for c in 0..<channels {
                    var largest = -Double.infinity
                    for ky in 0..<kernel {
                        for kx in 0..<kernel {
                            let pixel = ((row * stride + ky) * width + column * stride + kx) * channels + c
                            largest = max(largest, x[pixel])
                        }
                    }
                    y.append(largest)
                }
            }
        }
        return (y, result)
    }
}

/// e to the x by the series, after halving x often enough.
private func exponential(_ x: Double) -> Double {
    let reduced = x / 1024
    var (term, sum) = (1.0, 1.0)
    for n in 1...12 {
        term *= reduced / Double(n)
        sum += term
    }
    return (0..<10).reduce(sum) { value, _ in value * value }
}

/// The natural logarithm by Newton's method.
private func logarithm(_ x: Double) -> Double {
    (0..<40).reduce(0.0) { guess, _ in guess + 2 * (x - exponential(guess)) / (x + exponential(guess)) }
}
