import LockstepCore
import Testing

@testable import LockstepEngine

@Suite("Gradients") struct GradientTests {
    static let nets: [(name: String, net: TestNet)] =
        [
            ("linear", TestNet(input: [6], layers: [.linear(4)])),
            ("linear without bias", TestNet(input: [6], layers: [.linear(4, bias: false)])),
            ("relu, fused", TestNet.perceptron),
            ("relu, alone", TestNet(input: [6], layers: [.relu, .linear(5), .residual([.relu]), .linear(3)])),
            ("convolution", TestNet(input: [5, 6, 3], layers: [.convolution(4, kernel: 3), .flatten, .linear(3)])),
            (
                "convolution after convolution",
                TestNet(
                    input: [7, 6, 2],
                    layers: [.convolution(3, kernel: 2), .convolution(4, kernel: 3, bias: false), .flatten, .linear(3)])
            ),
            (
                "pool",
                TestNet(
                    input: [6, 7, 2], layers: [.convolution(3, kernel: 1), .pool(2, stride: 2), .flatten, .linear(3)])
            ),
            (
                "overlapping pool",
                TestNet(
                    input: [7, 7, 1], layers: [.convolution(2, kernel: 2), .pool(3, stride: 2), .flatten, .linear(3)])
            ),
            ("flatten of one channel", TestNet(input: [3, 3, 1], layers: [.flatten, .linear(3)])),
            (
                "a tensor used twice",
                TestNet(input: [5], layers: [.linear(6), .residual([.linear(6), .relu]), .linear(3)])
            ),
            ("parameters used twice", TestNet(input: [5], layers: [.linear(5), .relu, .again(0), .relu, .linear(3)])),
            ("perceptron", TestNet.perceptron),
            ("convolutional", TestNet.convolutional),
            ("stride", image([.convolution(3, kernel: 3, stride: 2), .convolution(2, kernel: 2, stride: 3)])),
            ("padding", image([.convolution(3, kernel: 3, padding: 1), .convolution(2, kernel: 3, padding: 2)])),
            (
                "stride and padding",
                image([.convolution(3, kernel: 3, stride: 2, padding: 1), .convolution(2, kernel: 2)])
            ),
            ("padded pool", image([.convolution(2, kernel: 1), .pool(3, stride: 2, padding: 1)])),
            ("average pool", image([.convolution(2, kernel: 1), .averagePool(2, stride: 2)])),
            ("padded average pool", image([.convolution(2, kernel: 1), .averagePool(3, stride: 2, padding: 1)])),
            ("softmax", TestNet(input: [5], layers: [.linear(4), .softmax, .linear(3)])),
            (
                "dropout",
                TestNet(input: [6], layers: [.linear(9), .dropout(0.5), .linear(5), .dropout(0.25), .linear(3)])
            ),
            ("everything", ExecutorBitTests.everything),
        ] + activations + losses + SequenceNets.all + BatchNormNets.all + RecurrentNets.all

    private static func image(_ layers: [TestNet.Layer]) -> TestNet {
        TestNet(input: [7, 6, 2], layers: layers + [.flatten, .linear(3)])
    }

    private static let activations: [(String, TestNet)] = [
        Activation(.sigmoid), Activation(.tanh), Activation(.gelu), Activation(.tanhGELU), Activation(.silu),
        Activation(.softplus), Activation(.leakyReLU, parameter: 0.125), Activation(.elu, parameter: 1.5),
    ].map { ($0.text, TestNet(input: [5], layers: [.linear(7), .activation($0), .linear(3)])) }

    private static let losses: [(String, TestNet)] = [
        LossKind.smoothedSoftmaxCrossEntropy(smoothing: 0.1, classWeights: []),
        .smoothedSoftmaxCrossEntropy(smoothing: 0, classWeights: [0.5, 2, 1]),
        .smoothedSoftmaxCrossEntropy(smoothing: 0.2, classWeights: [0.5, 2, 1]),
        .squaredError, .absoluteError, .huber(delta: 0.25), .binaryCrossEntropy(positiveWeight: 1),
        .binaryCrossEntropy(positiveWeight: 2.5),
    ].map { ($0.text, TestNet(input: [5], layers: [.linear(4), .relu, .linear(3)], loss: $0)) }

    @Test("agree with central differences in double precision", arguments: nets.indices)
    func agreeWithDifferences(index: Int) throws {
        let net = GradientTests.nets[index].net
        let plan = try net.plan()
        let kernels = Kernels.best()
        let state = try FlatState(plan: plan, seed: 11)
        let batch = TestBatch(plan, count: 5, laneCount: 3, seed: UInt64(index))
        let outcome = try batch.train(plan, kernels, parameters: state.parameters, ownership: [0..<3], threads: 2)
        let gradient = outcome.total(kernels, tree: LaneTree(laneCount: 3))

        let differences = try centralDifferences(net, plan, state, batch)
        func worstError(_ gradient: [Float]) -> Double {
            differences.map { abs($0.difference - Double(gradient[$0.element])) }.max() ?? .infinity
        }
        // Gradients of single precision with sums of less than a thousand terms.
        #expect(worstError(gradient) < 2e-5, "\(GradientTests.nets[index].name)")
        // The canary: a gradient that is wrong by a little in one place is seen.
        var wrong = gradient
        wrong[plan.layout.entries[0].range.lowerBound] += 1e-3
        #expect(worstError(wrong) > 2e-5)
        // The loss itself.
        let reference = batch.lanes.reduce(0.0) { $0 + net.loss(batch, lane: $1, doubles(state)) }
        #expect(abs(reference - outcome.results.reduce(0) { $0 + $1.loss }) < 1e-5)
    }

    /// Of a sample of elements of each parameter, numbered as in the flat vector.
    private func centralDifferences(
        _ net: TestNet, _ plan: Plan, _ state: FlatState, _ batch: TestBatch
    ) throws -> [(element: Int, difference: Double)] {
        var parameters = doubles(state)
        let step = 1e-5
        var found: [(element: Int, difference: Double)] = []
        let entries = plan.layout.entries.filter { !$0.isBuffer }
        // As many for a small network as for a large one.
        let each = max(1, 20 / entries.count)
        for entry in entries {
            for element in stride(from: 0, to: entry.range.count, by: (entry.range.count + each - 1) / each) {
                var values = try #require(parameters[entry.name])
                let original = values[element]
                var sums = [0.0, 0.0]
                for (side, sign) in [-1.0, 1.0].enumerated() {
                    values[element] = original + sign * step
                    parameters[entry.name] = values
                    for lane in batch.lanes { sums[side] += net.loss(batch, lane: lane, parameters) }
                }
                values[element] = original
                parameters[entry.name] = values
                found.append((entry.range.lowerBound + element, (sums[1] - sums[0]) / (2 * step)))
            }
        }
        return found
    }

    private func doubles(_ state: FlatState) -> [String: [Double]] {
        Dictionary(uniqueKeysWithValues: state.parameterViews.map { ($0.name, $0.elements.map(Double.init)) })
    }
}
