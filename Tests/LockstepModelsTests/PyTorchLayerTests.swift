import LockstepEngine
import Testing

@testable import LockstepModels

@Suite("PyTorch's layers") struct PyTorchLayerTests {
    static let fixture = Result { try PyTorchFixture("layers") }

    /// Behind a linear layer or a convolution of one cell, whose gradient is the layer's gradient of its input.
    static let cases: [(name: String, make: @Sendable () -> any Module)] = [
        ("linear", { Linear(5) }), ("linearWithoutBias", { Linear(5, bias: false) }),
        ("linearOverPositions", { Linear(5) }),
        ("convolution", { Conv2D(5, kernel: 3, padding: 1) }),
        ("convolutionWithStride", { Conv2D(5, kernel: 3, stride: 2, padding: 1) }),
        ("convolutionOfFive", { Conv2D(3, kernel: 5, padding: 2) }),
        // Wide enough for the product by Winograd's transformation.
        ("convolutionOfManyChannels", { Conv2D(64, kernel: 3, padding: 1) }),
        ("convolutionOfOne", { Conv2D(5, kernel: 1, stride: 2, bias: false) }),
        ("maxPool", { MaxPool2D(2) }), ("maxPoolPadded", { MaxPool2D(3, stride: 2, padding: 1) }),
        ("averagePool", { AveragePool2D(2) }), ("averagePoolPadded", { AveragePool2D(3, stride: 2, padding: 1) }),
        ("adaptiveAveragePool", { AdaptiveAveragePool2D(4, 3) }),
        ("globalAveragePool", { GlobalAveragePool2D() }),
        ("flatten", { Sequential(Flatten(), Linear(3)) }),
        ("relu", { ReLU() }), ("leakyReLU", { LeakyReLU(0.2) }), ("elu", { ELU(1.5) }), ("gelu", { GELU() }),
        ("tanhGELU", { GELU(approximate: true) }), ("silu", { SiLU() }), ("sigmoid", { Sigmoid() }),
        ("tanh", { Tanh() }), ("softplus", { Softplus() }), ("softmax", { Softmax() }),
        ("layerNorm", { LayerNorm() }), ("layerNormOverPositions", { LayerNorm() }),
        ("layerNormWithoutWeights", { LayerNorm(epsilon: 1e-3, affine: false) }),
        ("batchNorm2D", { BatchNorm2D() }),
        ("batchNorm2DWithMomentum", { BatchNorm2D(epsilon: 1e-3, momentum: 0.3) }),
        ("batchNorm1D", { BatchNorm1D() }),
        ("lstm", { LSTM(4) }), ("lstmOfTwoLayers", { LSTM(4, layers: 2) }),
        ("lstmBothWays", { LSTM(3, layers: 2, bidirectional: true) }),
        ("gru", { GRU(4) }), ("gruOfTwoLayers", { GRU(4, layers: 2) }),
        ("gruBothWays", { GRU(3, layers: 2, bidirectional: true) }),
        ("attention", { MultiheadAttention(6, heads: 2) }),
        ("causalAttention", { MultiheadAttention(6, heads: 3, causal: true) }),
        ("encoderLayer", { TransformerEncoderLayer(6, heads: 2, feedForward: 10, dropout: 0, activation: ReLU()) }),
        (
            "encoderLayerNormFirst",
            { TransformerEncoderLayer(6, heads: 3, feedForward: 10, dropout: 0, activation: GELU(), normFirst: true) }
        ),
        (
            "causalEncoderLayer",
            {
                TransformerEncoderLayer(
                    6, heads: 2, feedForward: 10, dropout: 0, activation: GELU(), normFirst: true, causal: true)
            }
        ),
        ("learnedPositions", { LearnedPositions(5) }),
        ("last", { Last() }), ("meanOverPositions", { MeanOverPositions() }),
        ("residual", { Residual(LayerNorm(), Linear(6)) }),
        (
            "residualWithShortcut",
            {
                Residual(
                    Conv2D(5, kernel: 3, stride: 2, padding: 1), ReLU(), shortcut: Conv2D(5, kernel: 1, stride: 2))
            }
        ),
        ("concatenate", { Concatenate(Linear(4), Tanh()) }),
        ("concatenateOfChannels", { Concatenate(Conv2D(3, kernel: 3, padding: 1), ReLU()) }),
        ("basicBlock", { basicBlock(4, stride: 1, isPlain: true) }),
        ("basicBlockWithStride", { basicBlock(6, stride: 2, isPlain: false) }),
    ]

    static let ofTokens: [(name: String, make: @Sendable () -> any Module)] = [
        ("embedding", { Sequential(Embedding(7, 4)) }),
        ("paddedEmbedding", { Sequential(Embedding(7, 4, paddingToken: 0)) }),
        ("tiedEmbedding", { Tied() }),
    ]

    private final class Tied: Module {
        let tokens = Embedding(7, 4)
        let positions = LearnedPositions(5)
        let output: Linear

        init() { output = Linear(tiedTo: tokens) }

        func callAsFunction(_ input: Tensor) -> Tensor { output(positions(tokens(input))) }
    }

    private static func basicBlock(_ outputs: Int, stride: Int, isPlain: Bool) -> any Module {
        let shortcut = Sequential(Conv2D(outputs, kernel: 1, stride: stride, bias: false), BatchNorm2D())
        return Residual(
            Conv2D(outputs, kernel: 3, stride: stride, padding: 1, bias: false), BatchNorm2D(), ReLU(),
            Conv2D(outputs, kernel: 3, padding: 1, bias: false), BatchNorm2D(), shortcut: isPlain ? nil : shortcut,
            activation: ReLU())
    }

    @Test("outputs, gradients and statistics", arguments: cases.indices)
    func layer(index: Int) throws {
        let fixture = try PyTorchLayerTests.fixture.get()
        let (name, make) = PyTorchLayerTests.cases[index]
        let isOfImages = try fixture.shape("\(name)/input").count == 4
        let outputs = try fixture.shape("\(name)/parameter/0.weight")[0]
        let before: any Module = isOfImages ? Conv2D(outputs, kernel: 1) : Linear(outputs)
        let run = try PyTorchRun(Sequential(before, make()), .meanSquaredError, name, of: fixture)
        #expect(try run.compare(name, of: fixture) >= 4)
    }

    @Test("embeddings", arguments: ofTokens.indices)
    func embedding(index: Int) throws {
        let fixture = try PyTorchLayerTests.fixture.get()
        let (name, make) = PyTorchLayerTests.ofTokens[index]
        let run = try PyTorchRun(make(), .meanSquaredError, name, of: fixture)
        #expect(try run.compare(name, of: fixture) >= 3)
    }

    @Test("every layer of the file is compared, and a wrong one is seen")
    func complete() throws {
        let fixture = try PyTorchLayerTests.fixture.get()
        let known = Set(fixture.names(behind: "").compactMap { $0.split(separator: "/").first.map(String.init) })
        #expect(known == Set((PyTorchLayerTests.cases + PyTorchLayerTests.ofTokens).map(\.name)))
        let wrong = try PyTorchRun(
            Sequential(Linear(6), LayerNorm(epsilon: 2e-5)), .meanSquaredError, "layerNorm", of: fixture)
        #expect(distance(wrong.outputs, try fixture.floats("layerNorm/output")) > 1e-5)
        let expected = try fixture.floats("layerNorm/gradient/0.weight")
        #expect(distance(try #require(wrong.gradients["0.weight"]), expected) > 1e-5)
    }
}
