import LockstepCore
import LockstepEngine
import Testing

@testable import LockstepModels

private final class Basic: Module {
    let conv1 = Conv2D(4, kernel: 3, padding: 1, bias: false), conv2 = Conv2D(4, kernel: 3, padding: 1, bias: false)
    let bn1 = BatchNorm2D(), bn2 = BatchNorm2D()

    func callAsFunction(_ x: Tensor) -> Tensor { relu(bn2(conv2(relu(bn1(conv1(x))))) + x) }
}

private final class Coded: Module {
    let body = Basic()
    let fc = Linear(3)

    func callAsFunction(_ x: Tensor) -> Tensor { fc(body(x).flattened()) }
}

@Suite("Blocks made of blocks") struct StructureTests {
    @Test("a residual block is what the same names in code are")
    func residual() throws {
        let listed = Sequential([
            (
                "body",
                Residual(
                    [
                        ("conv1", Conv2D(4, kernel: 3, padding: 1, bias: false)), ("bn1", BatchNorm2D()), (nil, ReLU()),
                        ("conv2", Conv2D(4, kernel: 3, padding: 1, bias: false)), ("bn2", BatchNorm2D()),
                    ], activation: ReLU())
            ), (nil, Flatten()), ("fc", Linear(3)),
        ])
        let (code, list) = (try compile(Coded(), [5, 5, 4]), try compile(listed, [5, 5, 4]))
        #expect(code.modelDescription == list.modelDescription)
        #expect(code.digest == list.digest)
    }

    @Test("children have their own names, or are counted")
    func names() throws {
        let model = Sequential([
            ("a", Residual([(nil, Linear(4)), ("b", Linear(4))], shortcut: (nil, Linear(4)))),
            ("c", Residual([(nil, Linear(4))], shortcut: ("down", Sequential(Linear(4))))),
            ("d", Concatenate(Linear(2), Sequential(Linear(3), Linear(4)))), ("e", Repeat(2) { Linear(6) }),
        ])
        #expect(
            try ModelNames(of: model).parameters.filter { $0.hasSuffix("weight") } == [
                "a.0.weight", "a.b.weight", "a.shortcut.weight", "c.0.weight", "c.down.0.weight", "d.0.weight",
                "d.1.0.weight", "d.1.1.weight", "e.0.weight", "e.1.weight",
            ])
        #expect(try compile(model, [4]).outputElements == 6)
        #expect {
            try compile(Residual([("shortcut", Linear(4))], shortcut: (nil, Linear(4))), [4])
        } throws: {
            ($0 as? CommandError)?.message.contains("two blocks are named 'shortcut'") == true
        }
    }

    @Test("branches are joined along the last dimension")
    func concatenation() throws {
        let flat = try compile(Sequential(Concatenate(Linear(2), Linear(3)), Linear(1)), [4])
        #expect(flat.layout.entries.contains { $0.name == "1.weight" && $0.shape == [1, 5] })
        let images = Sequential(
            Concatenate(Conv2D(2, kernel: 1), Conv2D(5, kernel: 3, padding: 1)), GlobalAveragePool2D(), Linear(2))
        #expect(
            try compile(images, [6, 6, 3]).layout.entries.contains { $0.name == "2.weight" && $0.shape == [2, 7] })
    }

    @Test("a tied layer has no weight of its own")
    func tying() throws {
        let tokens = Embedding(20, 6)
        let model = Sequential([("tokens", tokens), (nil, LayerNorm(6)), ("output", Linear(tiedTo: tokens))])
        let plan = try compile(model, [5], loss: .softmaxCrossEntropy)
        #expect(plan.layout.entries.map(\.name).sorted() == ["1.bias", "1.weight", "tokens.weight"])
        #expect(plan.layout.parameterCount == 20 * 6 + 12)
        #expect(plan.outputElements == 100)
        let withBias = Sequential([("tokens", tokens), ("output", Linear(tiedTo: tokens, bias: true))])
        #expect(
            try compile(withBias, [5], loss: .softmaxCrossEntropy).layout.entries.contains {
                $0.name == "output.bias" && $0.shape == [20]
            })
        #expect {
            try compile(Sequential(tokens, Linear(7), Linear(tiedTo: tokens)), [5], loss: .softmaxCrossEntropy)
        } throws: {
            let message = ($0 as? CommandError)?.message ?? ""
            return message.contains("layer '2' (linear)") && message.contains("6") && message.contains("[5, 7]")
        }
    }

    @Test("texts are canonical")
    func descriptions() {
        #expect(LSTM(128).description == "lstm(units:128)")
        #expect(
            GRU(4, 8, layers: 2, bidirectional: true, dropout: 0.5).description
                == "gru(inputs:4,units:8,layers:2,bidirectional:true,dropout:0.5)")
        #expect(Embedding(5, 2, paddingToken: 0).description == "embedding(count:5,width:2,paddingToken:0)")
        #expect(LayerNorm(affine: false).description == "layerNorm(epsilon:1e-05,affine:false)")
        #expect(BatchNorm2D(4).description == "batchNorm2D(channels:4,epsilon:1e-05,momentum:0.1)")
        #expect(
            Residual(Linear(4), shortcut: Linear(4)).description
                == "residual(blocks:[0:linear(outputs:4)],shortcut:shortcut:linear(outputs:4))")
        #expect(Repeat(2) { Linear(3) }.description == "repeat(count:2,block:linear(outputs:3))")
        #expect(
            TransformerEncoderLayer(8, heads: 2, normFirst: true).description
                == "transformerEncoderLayer(width:8,heads:2,feedForward:2048,dropout:0.1,activation:relu,normFirst:true)"
        )
    }

    private func compile(
        _ model: any Module, _ shape: [Int], loss: Loss = .meanSquaredError
    ) throws -> Plan {
        try Plan.compile(model: model, inputShape: shape, loss: loss, optimizer: .sgd(learningRate: 0.1))
    }
}
