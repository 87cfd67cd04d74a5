import LockstepCore
import Testing

@testable import LockstepEngine

/// What PyTorch 2.13 gives for the same numbers, in double precision.
@Suite("PyTorch's values") struct PyTorchTests {
    static let arguments: [Float] = [-25, -4, -1.5, -0.5, -0.1, 0, 0.3, 1, 2.5, 21]
    static let activations: [(Activation, [Double])] = [
        (
            Activation(.sigmoid),
            [
                1.38879439e-11, 0.01798621, 0.182425524, 0.377540669, 0.475020812, 0.5, 0.57444252, 0.731058579,
                0.92414182, 0.999999999,
            ]
        ),
        (
            Activation(.tanh),
            [
                -1, -0.9993293, -0.905148254, -0.462117157, -0.0996679961, 0, 0.291312623, 0.761594156, 0.986614298, 1,
            ]
        ),
        (
            Activation(.gelu),
            [
                0, -0.000126684967, -0.100210802, -0.154268769, -0.0460172169, 0, 0.185373435, 0.841344746, 2.48447584,
                21,
            ]
        ),
        (
            Activation(.tanhGELU),
            [
                0, -7.02459482e-05, -0.100428423, -0.15428599, -0.0460172496, 0, 0.185370932, 0.841191991, 2.48491573,
                21,
            ]
        ),
        (
            Activation(.silu),
            [
                -3.47198597e-10, -0.0719448398, -0.273638286, -0.188770334, -0.0475020819, 0, 0.172332763, 0.731058579,
                2.31035455, 21,
            ]
        ),
        (
            Activation(.softplus),
            [
                1.38879439e-11, 0.0181499279, 0.201413278, 0.474076984, 0.644396659, 0.693147181, 0.854355251,
                1.31326169, 2.57888973, 21,
            ]
        ),
        (
            Activation(.leakyReLU, parameter: 0.01),
            [-0.25, -0.04, -0.015, -0.005, -0.001, 0, 0.3, 1, 2.5, 21]
        ),
        (
            Activation(.elu, parameter: 1.5),
            [-1.5, -1.47252654, -1.16530476, -0.59020401, -0.142743875, 0, 0.3, 1, 2.5, 21]
        ),
    ]

    @Test("activations", arguments: activations.indices)
    func activation(index: Int) throws {
        let (activation, expected) = PyTorchTests.activations[index]
        let net = TestNet(
            input: [1], layers: [.linear(1, bias: false), .activation(activation)], loss: .squaredError)
        let outputs = try run(net, ["0.weight": [1]], inputs: PyTorchTests.arguments).outputs
        for (output, value) in zip(outputs, expected) {
            // A GELU far below zero is the small difference of two numbers near 1, times x.
            #expect(abs(Double(output) - value) < 2e-6 * abs(value) + 1e-7, "\(activation.text)")
        }
    }

    static let logits: [Float] = [1, -2, 0.5, 0.25, 0.75, -1, 3, 0, -3, -0.5, -0.5, 2]
    static let classes: [UInt32] = [1, 0, 2, 2]
    static let values: [Float] = [0.5, -1.5, 0.5, 1, 0, 0, -1, 0.25, 1, 0, 1, 2.125]
    static let probabilities: [Float] = [1, 0, 0.25, 0, 1, 1, 1, 1, 0, 0, 0, 1]
    static let losses: [(LossKind, [UInt32], Double, [Double])] = [
        (.softmaxCrossEntropy, classes, 2.69608388, [0.24131946, -0.07260397, -0.16871549]),
        (
            .smoothedSoftmaxCrossEntropy(smoothing: 0.1, classWeights: []), classes, 2.62316721,
            [0.23298612, -0.08093730, -0.15204882]
        ),
        (
            .smoothedSoftmaxCrossEntropy(smoothing: 0, classWeights: [0.5, 2, 1]), classes, 3.0556756,
            [0.42192935, -0.34249062, -0.07943873]
        ),
        (
            .smoothedSoftmaxCrossEntropy(smoothing: 0.1, classWeights: [0.5, 2, 1]), classes, 2.98155377,
            [0.41587325, -0.34910419, -0.06676906]
        ),
        (.squaredError, values.map(\.bitPattern), 3.10026042, [0.54166667, -0.25000000, -0.85416667]),
        (.absoluteError, values.map(\.bitPattern), 1.15625, [0.00000000, -0.16666667, -0.25000000]),
        (.huber(delta: 0.75), values.map(\.bitPattern), 0.643880208, [0.00000000, -0.06250000, -0.13541667]),
        (
            .binaryCrossEntropy(positiveWeight: 2.5), probabilities.map(\.bitPattern), 0.848467243,
            [0.01239991, -0.12960914, -0.15394553]
        ),
    ]

    @Test("losses and their gradients, summed over the samples", arguments: losses.indices)
    func loss(index: Int) throws {
        let (kind, targets, loss, gradient) = PyTorchTests.losses[index]
        let net = TestNet(input: [3], layers: [.linear(3)], loss: kind)
        let identity: [Float] = [1, 0, 0, 0, 1, 0, 0, 0, 1]
        let outcome = try run(
            net, ["0.weight": identity, "0.bias": [0, 0, 0]], inputs: PyTorchTests.logits, targets: targets)
        let weight = outcome.result.weight
        #expect(abs(outcome.result.loss / weight - loss) < 1e-6)
        for (own, value) in zip(outcome.biasGradient, gradient) {
            #expect(abs(Double(own) / weight - value) < 1e-6, "\(kind.text)")
        }
    }

    @Test("convolutions and pools with stride and padding")
    func images() throws {
        let image = (0..<60).map { Float(($0 * 5) % 13 - 6) / 4 }
        // As channels, height, width there; here the order is height, width, channels.
        let weight = (0..<54).map { Float(($0 * 7) % 11 - 5) / 8 }
        let parameters: [String: [Float]] = ["0.weight": weight, "0.bias": [0.5, -0.25, 1]]
        let cases: [([TestNet.Layer], [Double])] = [
            (
                [.convolution(3, kernel: 3, stride: 2, padding: 1)],
                [
                    0.5625, 0.625, 1.3125, 0.09375, -0.5, 0.21875, 1.0625, 0.40625, 1.40625, -0.28125, 0, 1.9375,
                    1.21875, 0.46875, 0.6875, -1.59375, -0.25, 2.40625, 2, -0.84375, 0.375, -1.9375, 1.625, -0.03125,
                    2.9375, -0.5, 0.125,
                ]
            ),
            (
                [.convolution(3, kernel: 3, stride: 2)],
                [
                    -0.3125, -0.875, 0.5625, 0.125, -0.78125, 0.65625, 3.53125, -1.53125, 1.9375, -1.71875, 1.8125,
                    0.8125,
                ]
            ),
            (
                [.convolution(3, kernel: 3, stride: 3, padding: 2)],
                [
                    1.125, -0.375, 1.84375, 0.9375, 0.40625, 1.1875, 0.15625, 0.65625, 0.75, 0.90625, 0.03125, -0.5625,
                    1.21875, 0.46875, 0.6875, 0.28125, 1.40625, 1.78125, -0.28125, -0.25, 1.78125, 1.1875, 0.5625,
                    -0.46875, 0.6875, -0.1875, 1.28125,
                ]
            ),
            (
                [.convolution(3, kernel: 3, padding: 1), .pool(3, stride: 2, padding: 1)],
                [
                    2.125, 0.625, 1.75, 1.03125, 1.8125, 1.65625, 3.59375, 0.5625, 2.125, 3.53125, 1.4375, 1.9375,
                    3.53125, 1.8125, 1.9375, 3.59375, 1.8125, 2.40625, 3.53125, -0.84375, 3.34375, 3.53125, 1.8125,
                    3.34375, 2.9375, 1.8125, 2.25,
                ]
            ),
            (
                [.convolution(3, kernel: 3, padding: 1), .averagePool(3, stride: 2, padding: 1)],
                [
                    0.378472222, -0.152777778, 0.586805556, -0.0902777778, -0.0138888889, 0.479166667, 0.659722222,
                    -0.354166667, 0.576388889, 0.555555556, -0.288194444, 0.927083333, 0.270833333, 0.0173611111,
                    0.732638889, 0.673611111, -0.548611111, 1.03125, 0.597222222, -0.510416667, 0.684027778,
                    0.0173611111, -0.0659722222, 0.763888889, 0.475694444, -0.319444444, 0.638888889,
                ]
            ),
        ]
        for (layers, expected) in cases {
            let net = TestNet(input: [5, 6, 2], layers: layers, loss: .squaredError)
            let outputs = try run(net, parameters, inputs: image).outputs
            #expect(outputs.count == expected.count)
            for (output, value) in zip(outputs, expected) { #expect(abs(Double(output) - value) < 1e-6) }
        }
    }

    /// One lane with the given parameters.
    private func run(
        _ net: TestNet, _ parameters: [String: [Float]], inputs: [Float], targets: [UInt32]? = nil
    ) throws -> (outputs: [Float], result: LaneResult, biasGradient: [Float]) {
        let plan = try net.plan()
        let state = try FlatState(layout: plan.layout, optimizer: .sgd)
        try state.load { parameters[$0] }
        let count = inputs.count / plan.sampleElements
        var batch = TestBatch(plan, count: count, laneCount: 1, seed: 1)
        batch.inputs = inputs
        if let targets { batch.targets = targets }
        let executor = try Executor(
            plan: plan, kernels: .best(), lanes: 0..<1, laneTree: LaneTree(laneCount: 1), batchSize: count, threads: 1)
        defer { executor.shutdown() }
        var outputs = [Float](repeating: .nan, count: count * plan.outputElements)
        _ = batch.run(executor, plan, 0..<1, state.parameters, isTraining: false, outputs: &outputs)
        let trained = batch.run(executor, plan, 0..<1, state.parameters, isTraining: true)
        let bias = plan.layout.entries.first { $0.name == "0.bias" }?.range ?? 0..<0
        return (outputs, trained.results[0], trained.gradients[0][bias].map(Float.init(bitPattern:)))
    }
}
