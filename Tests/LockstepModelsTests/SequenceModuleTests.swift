import LockstepCore
import LockstepEngine
import Testing

@testable import LockstepModels

/// Names, shapes and initial values as PyTorch's.
@Suite("Modules of sequences and images") struct SequenceModuleTests {
    /// What a plan's entry says, in the order of names.
    private func entries(_ module: any Module, _ shape: [Int]) throws -> [String] {
        try compile(module, shape).layout.entries.map { "\($0.name) \($0.shape)" }.sorted()
    }

    private func compile(_ module: any Module, _ shape: [Int], loss: Loss = .meanSquaredError) throws -> Plan {
        try Plan.compile(model: module, inputShape: shape, loss: loss, optimizer: .sgd(learningRate: 0.1))
    }

    private func values(_ module: any Module, _ shape: [Int], _ name: String) throws -> [Float] {
        let state = try FlatState(plan: compile(module, shape), seed: 3)
        let views = state.parameterViews.filter { $0.name == name }
        return Array(try #require(views.first, "\(name)").elements)
    }

    @Test("an LSTM's and a GRU's parameters")
    func recurrent() throws {
        #expect(
            try entries(LSTM(4, layers: 2, bidirectional: true), [5, 3]) == [
                "bias_hh_l0 [16]", "bias_hh_l0_reverse [16]", "bias_hh_l1 [16]", "bias_hh_l1_reverse [16]",
                "bias_ih_l0 [16]", "bias_ih_l0_reverse [16]", "bias_ih_l1 [16]", "bias_ih_l1_reverse [16]",
                "weight_hh_l0 [16, 4]", "weight_hh_l0_reverse [16, 4]", "weight_hh_l1 [16, 4]",
                "weight_hh_l1_reverse [16, 4]", "weight_ih_l0 [16, 3]", "weight_ih_l0_reverse [16, 3]",
                "weight_ih_l1 [16, 8]", "weight_ih_l1_reverse [16, 8]",
            ])
        #expect(
            try entries(GRU(3, 4), [5, 3]) == [
                "bias_hh_l0 [12]", "bias_ih_l0 [12]", "weight_hh_l0 [12, 4]", "weight_ih_l0 [12, 3]",
            ])
        // In PyTorch's order: LSTM.state_dict().keys().
        #expect(
            try ModelNames(of: Sequential([("a", LSTM(3, 4, bidirectional: true))])).parameters == [
                "a.weight_ih_l0", "a.weight_hh_l0", "a.bias_ih_l0", "a.bias_hh_l0", "a.weight_ih_l0_reverse",
                "a.weight_hh_l0_reverse", "a.bias_ih_l0_reverse", "a.bias_hh_l0_reverse",
            ])
        for name in ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"] {
            let values = try values(LSTM(3, 16), [5, 3], name)
            #expect(values.allSatisfy { abs($0) <= 0.25 } && values.contains { abs($0) > 0.2 }, "\(name)")
        }
    }

    @Test("layers and directions shape what comes out")
    func recurrentShapes() throws {
        #expect(try compile(LSTM(6), [5, 3]).outputElements == 30)
        #expect(try compile(GRU(6, bidirectional: true), [5, 3]).outputElements == 60)
        let table = try compile(Sequential(LSTM(6, layers: 2, dropout: 0.5), Last(), Linear(2)), [5, 3]).layerTable
        #expect(table.last?.outputShape == [2])
        let text = try compile(LSTM(6, layers: 3, dropout: 0.5), [5, 3]).modelDescription
        #expect(text.split(separator: "\n").count { $0.contains("dropout[") } == 2, "between layers alone:\n\(text)")
    }

    @Test("a transformer layer's parameters, and those of its attention")
    func transformer() throws {
        let layer = TransformerEncoderLayer(8, heads: 2, feedForward: 16)
        #expect(
            try ModelNames(of: layer).parameters == [
                "self_attn.in_proj_weight", "self_attn.in_proj_bias", "self_attn.out_proj.weight",
                "self_attn.out_proj.bias", "linear1.weight", "linear1.bias", "linear2.weight", "linear2.bias",
                "norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias",
            ])
        #expect(
            try entries(layer, [5, 8]) == [
                "linear1.bias [16]", "linear1.weight [16, 8]", "linear2.bias [8]", "linear2.weight [8, 16]",
                "norm1.bias [8]", "norm1.weight [8]", "norm2.bias [8]", "norm2.weight [8]",
                "self_attn.in_proj_bias [24]", "self_attn.in_proj_weight [24, 8]", "self_attn.out_proj.bias [8]",
                "self_attn.out_proj.weight [8, 8]",
            ])
        let attention = MultiheadAttention(32, heads: 4)
        let bound = Float(6.0 / 128).squareRoot()
        let projection = try values(attention, [3, 32], "in_proj_weight")
        #expect(projection.allSatisfy { abs($0) <= bound } && projection.contains { abs($0) > 0.95 * bound })
        #expect(try values(attention, [3, 32], "in_proj_bias").allSatisfy { $0 == 0 })
        #expect(try values(attention, [3, 32], "out_proj.bias").allSatisfy { $0 == 0 })
        #expect(try values(attention, [3, 32], "out_proj.weight").contains { $0 != 0 })
    }

    @Test("settings of a transformer layer change the model")
    func transformerSettings() throws {
        let layers = [
            TransformerEncoderLayer(8, heads: 2, feedForward: 16),
            TransformerEncoderLayer(8, heads: 2, feedForward: 16, normFirst: true),
            TransformerEncoderLayer(8, heads: 2, feedForward: 16, causal: true),
            TransformerEncoderLayer(8, heads: 2, feedForward: 16, activation: GELU()),
            TransformerEncoderLayer(8, heads: 2, feedForward: 16, dropout: 0),
            TransformerEncoderLayer(8, heads: 2, feedForward: 16, epsilon: 1e-6),
            TransformerEncoderLayer(8, heads: 4, feedForward: 16),
        ]
        let texts = try layers.map { try compile($0, [5, 8]).modelDescription }
        #expect(Set(texts).count == layers.count)
        #expect(Set(layers.map(\.description)).count == layers.count)
        #expect(texts[0].split(separator: "\n").count { $0.contains("= dropout[") } == 3)
    }

    @Test("embeddings and positions")
    func embeddings() throws {
        let model = Sequential([
            ("tokens", Embedding(50, 64, paddingToken: 2)), ("positions", LearnedPositions()), (nil, Last()),
        ])
        #expect(try entries(model, [7]) == ["positions.weight [7, 64]", "tokens.weight [50, 64]"])
        let rows = try values(model, [7], "tokens.weight")
        #expect(rows[128..<192].allSatisfy { $0 == 0 }, "the padding token's row")
        let others = Array(rows[..<128] + rows[192...]).map(Double.init)
        let mean = others.reduce(0, +) / Double(others.count)
        let variance = others.reduce(0) { $0 + $1 * $1 } / Double(others.count)
        #expect(abs(mean) < 0.06 && abs(variance - 1) < 0.08, "\(mean) \(variance)")
    }

    @Test("norms start as the identity, and batch norms have buffers behind the parameters")
    func norms() throws {
        let model = Sequential([
            ("conv", Conv2D(4, kernel: 3, bias: false)), ("bn", BatchNorm2D()), (nil, GlobalAveragePool2D()),
            ("norm", LayerNorm()), ("flat", BatchNorm1D()), ("plain", LayerNorm(affine: false)), ("out", Linear(2)),
        ])
        let layout = try compile(model, [6, 6, 3]).layout
        #expect(
            layout.entries.map(\.name).sorted() == [
                "bn.bias", "bn.running_mean", "bn.running_var", "bn.weight", "conv.weight", "flat.bias",
                "flat.running_mean", "flat.running_var", "flat.weight", "norm.bias", "norm.weight", "out.bias",
                "out.weight",
            ])
        #expect(
            layout.entries.filter(\.isBuffer).map(\.name).sorted() == [
                "bn.running_mean", "bn.running_var", "flat.running_mean", "flat.running_var",
            ])
        #expect(layout.entries.filter(\.isBuffer).allSatisfy { $0.range.lowerBound >= layout.parameterEnd })
        #expect(layout.parameterCount == 4 * 27 + 8 + 8 + 8 + 10)
        for name in ["bn.weight", "bn.running_var", "norm.weight"] {
            #expect(try values(model, [6, 6, 3], name) == [1, 1, 1, 1])
        }
        for name in ["bn.bias", "bn.running_mean", "norm.bias"] {
            #expect(try values(model, [6, 6, 3], name) == [0, 0, 0, 0])
        }
        #expect(
            try ModelNames(of: BatchNorm2D(4)).parameters == ["weight", "bias", "running_mean", "running_var"])
    }

    @Test("what does not fit names the layer and both shapes")
    func refusals() throws {
        let cases: [(any Module, [Int], [String])] = [
            (BatchNorm2D(), [7], ["layer 'a' (batchNorm2D)", "[7]", "batchNorm1D"]),
            (BatchNorm1D(), [4, 4, 2], ["layer 'a' (batchNorm1D)", "[4, 4, 2]"]),
            (BatchNorm2D(3), [4, 4, 2], ["layer 'a'", "3", "[4, 4, 2]"]),
            (LayerNorm(9), [5, 8], ["layer 'a'", "9", "[5, 8]"]),
            (LSTM(9, 4), [5, 8], ["layer 'a' (lstm)", "9", "[5, 8]"]),
            (LSTM(4), [8], ["layer 'a' (lstm)", "[8]"]),
            (LSTM(0), [5, 8], ["layer 'a' (lstm)", "units is 0"]),
            (GRU(4, layers: 0), [5, 8], ["layer 'a' (gru)", "layers is 0"]),
            (GRU(.max), [5, 8], ["units is"]), (GRU(4, layers: .max), [5, 8], ["layers is"]),
            (MultiheadAttention(9, heads: 3), [5, 8], ["layer 'a'", "9", "[5, 8]"]),
            (MultiheadAttention(8, heads: 3), [5, 8], ["layer 'a'", "8", "3"]),
            (MultiheadAttention(.max, heads: 3), [5, 8], ["layer 'a'"]),
            (MultiheadAttention(8, heads: 2), [8], ["layer 'a' (multiheadAttention)", "[8]"]),
            (Embedding(5, 4), [3, 2], ["layer 'a' (embedding)", "[3, 2]"]),
            (LearnedPositions(4), [5, 8], ["layer 'a'", "4", "[5, 8]"]),
            (Position(5), [5, 8], ["layer 'a' (position)", "5", "[5, 8]"]),
            (Last(), [8], ["layer 'a'", "[8]"]), (MeanOverPositions(), [8], ["layer 'a'", "[8]"]),
            (AdaptiveAveragePool2D(0), [4, 4, 2], ["layer 'a' (adaptiveAveragePool2D)", "0"]),
            (GlobalAveragePool2D(), [8], ["layer 'a'", "[8]"]),
            (Residual(Linear(7)), [8], ["layer 'a'", "[7]", "[8]"]),
            (Residual(Linear(7), shortcut: Linear(6)), [8], ["layer 'a'", "[7]", "[6]"]),
            (Concatenate(ReLU(), LSTM(3), Last()), [5, 8], ["layer 'a'", "[8]"]),
        ]
        for (layer, shape, words) in cases {
            #expect("\(layer) of \(shape)") {
                _ = try compile(Sequential([("a", layer), (nil, Flatten()), ("out", Linear(2))]), shape)
            } throws: { error in
                let message = (error as? CommandError)?.message ?? ""
                return words.allSatisfy { message.contains($0) } && !message.contains("\n")
            }
        }
    }
}
