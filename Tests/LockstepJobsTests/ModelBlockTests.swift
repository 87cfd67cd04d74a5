import LockstepCore
import LockstepEngine
import LockstepModels
import Testing

@testable import LockstepJobs

/// Every block of the table gives the module of the same name, and nested blocks build the models that code builds.
@Suite struct ModelBlockTests {
    private func model(_ yaml: String) throws -> Sequential {
        let text = JobFileTests.valid.replacing(
            "model: [conv2D: {outputs: 4, kernel: 3}, relu, maxPool2D: 2, flatten, output: {linear: 10}]",
            with: "model: \(yaml)")
        #expect(text != JobFileTests.valid)
        return try #require(try JobFile(JobFileTests.source(text)).job.model as? Sequential)
    }

    private func refusal(_ yaml: String) throws -> String {
        try JobFileTests.refusal(JobFileTests.valid, ["model=\(yaml)"])
    }

    @Test(arguments: [
        ("embedding: {count: 9, width: 4}", "\(Embedding(9, 4))"),
        ("embedding: {count: 9, width: 4, paddingToken: 0}", "\(Embedding(9, 4, paddingToken: 0))"),
        ("learnedPositions", "\(LearnedPositions())"), ("learnedPositions: 8", "\(LearnedPositions(8))"),
        ("lstm: 8", "\(LSTM(8))"),
        (
            "lstm: {units: 8, inputs: 4, layers: 2, bidirectional: true, dropout: 0.5}",
            "\(LSTM(4, 8, layers: 2, bidirectional: true, dropout: 0.5))"
        ),
        ("gru: {units: 8, layers: 2}", "\(GRU(8, layers: 2))"),
        ("layerNorm", "\(LayerNorm())"), ("layerNorm: {epsilon: 1e-6}", "\(LayerNorm(epsilon: 1e-6))"),
        ("layerNorm: {width: 8, affine: false}", "\(LayerNorm(8, affine: false))"),
        ("batchNorm2D", "\(BatchNorm2D())"), ("batchNorm2D: {momentum: 0.2}", "\(BatchNorm2D(momentum: 0.2))"),
        ("batchNorm1D: 8", "\(BatchNorm1D(8))"),
        (
            "multiheadAttention: {width: 8, heads: 2, causal: true, dropout: 0.25}",
            "\(MultiheadAttention(8, heads: 2, causal: true, dropout: 0.25))"
        ),
        ("transformerEncoderLayer: {width: 8, heads: 2}", "\(TransformerEncoderLayer(8, heads: 2))"),
        (
            "transformerEncoderLayer: {width: 8, heads: 2, feedForward: 16, dropout: 0, activation: {gelu: {approximate: true}}, normFirst: true, causal: true, epsilon: 1e-6}",
            "\(TransformerEncoderLayer(8, heads: 2, feedForward: 16, dropout: 0, activation: GELU(approximate: true), normFirst: true, causal: true, epsilon: 1e-6))"
        ),
        ("position: -2", "\(Position(-2))"), ("last", "\(Last())"), ("meanOverPositions", "\(MeanOverPositions())"),
        ("globalAveragePool2D", "\(GlobalAveragePool2D())"),
        ("adaptiveAveragePool2D: 2", "\(AdaptiveAveragePool2D(2))"),
        ("adaptiveAveragePool2D: {height: 2, width: 3}", "\(AdaptiveAveragePool2D(2, 3))"),
        ("sequential: [relu, linear: 3]", "\(Sequential(ReLU(), Linear(3)))"),
        ("repeat: {count: 3, block: {linear: 4}}", "\(Repeat(3) { Linear(4) })"),
        ("repeat: {count: 3, block: relu}", "\(Repeat(3) { ReLU() })"),
        ("repeat: {count: 2, block: [linear: 4, relu]}", "\(Repeat(2) { Sequential(Linear(4), ReLU()) })"),
        ("residual: [linear: 4, relu]", "\(Residual(Linear(4), ReLU()))"),
        (
            "residual: {blocks: [a: {linear: 4}], shortcut: {b: {linear: 4}}, activation: relu}",
            "\(Residual([("a", Linear(4))], shortcut: ("b", Linear(4)), activation: ReLU()))"
        ),
        ("residual: {blocks: [relu], shortcut: {linear: 4}}", "\(Residual(ReLU(), shortcut: Linear(4)))"),
        ("concatenate: [linear: 4, {sequential: [linear: 3]}]", "\(Concatenate(Linear(4), Sequential(Linear(3))))"),
    ])
    func blocks(_ yaml: String, _ expected: String) throws {
        let bare = try model("[\(yaml)]").blocks[0]
        #expect("\(bare.module)" == expected)
        #expect(bare.name == "0")
        // The word of a block can name one.
        let word = String(yaml.prefix { $0 != ":" })
        let block = yaml.contains(":") ? "{\(yaml)}" : yaml
        let named = try model("[name: \(block), \(word)_: \(block)]").blocks
        #expect(named.map(\.name) == ["name", "\(word)_"])
        #expect(named.allSatisfy { "\($0.module)" == expected })
        guard yaml.contains(":") else { return }
        #expect(try model("[\(word): \(block)]").blocks[0].name == word)
    }

    @Test(arguments: [
        ("[lstm: {units: 0}]", "0 is too small"), ("[lstm]", "lstm needs units"),
        ("[lstm: {units: 8, layer: 2}]", "did you mean layers?"),
        ("[embedding: {count: 4, width: 2, paddingToken: 4}]", "4 is too large; at most 3"),
        ("[embedding: 4]", "embedding needs width"),
        ("[transformerEncoderLayer: {width: 8, heads: 2, activation: linear}]", "unknown block 'linear'"),
        ("[transformerEncoderLayer: {width: 8, heads: 2, activation: [relu]}]", "a list is no block"),
        ("[transformerEncoderLayer: {dropout: 0.5}]", "needs width"),
        ("[residual: []]", "an empty list"), ("[residual: 3]", "is no list of blocks"),
        ("[residual: {blocks: [relu], shortcut: [relu]}]", "a list is no block"),
        ("[residul: [relu]]", "did you mean residual?"), ("[sequential: {a: [relu]}]", "unknown key"),
        ("[concatenate: [relu, liner: 3]]", "model.0.concatenate.branches.1"),
        ("[repeat: {count: 2}]", "repeat needs block"),
        ("[repeat: {count: 2, block: {a: {linear: 3}}}]", "the name a would stand 2 times"),
        ("[repeat: {count: 1000, block: {repeat: {count: 1000, block: relu}}}]", "more than 10000 blocks"),
        ("[a: relu, a: relu]", "stands twice"),
        ("[linear: {tiedTo: tokens}]", "no block before this one is named 'tokens'"),
        ("[a: {linear: 3}, linear: {tiedTo: a}]", "'a' is no embedding"),
        ("[a: {embedding: {count: 3, width: 2}}, linear: {tiedTo: a, outputs: 4}]", "leave it out"),
        ("[linear: {tiedTo: a}, a: {embedding: {count: 3, width: 2}}]", "no block before this one"),
        ("[batchNorm2D: {momentum: 2}]", "0 ≤ momentum ≤ 1"), ("[layerNorm: {epsilon: 0}]", "greater than 0"),
    ])
    func refusals(_ yaml: String, _ words: String) throws {
        let message = try refusal(yaml)
        #expect(message.contains(words), "\(message)")
    }

    /// A transformer, once in a file and once in code.
    @Test func nestedBlocksAreTheSameAsCode() throws {
        let file = try model(
            """
            [tokens: {embedding: {count: 50, width: 8}}, positions: learnedPositions,
            blocks: {repeat: {count: 2, block: {transformerEncoderLayer: {width: 8, heads: 2, feedForward: 16, normFirst: true, causal: true}}}},
            norm: layerNorm, output: {linear: {tiedTo: tokens}}]
            """)
        let code = Writer()
        let plans = try [file, code as any Module].map {
            try Plan.compile(
                model: $0, inputShape: [6], loss: .softmaxCrossEntropy, optimizer: .adam(learningRate: 0.001))
        }
        #expect(plans[0].modelDescription == plans[1].modelDescription)
        #expect(plans[0].digest == plans[1].digest)
        #expect(plans[0].layout.entries.contains { $0.name == "blocks.1.self_attn.in_proj_weight" })
    }

    private final class Writer: Module {
        let tokens = Embedding(50, 8)
        let positions = LearnedPositions()
        let blocks = (0..<2).map { _ in
            TransformerEncoderLayer(8, heads: 2, feedForward: 16, normFirst: true, causal: true)
        }
        let norm = LayerNorm()
        let output: Linear

        init() { output = Linear(tiedTo: tokens) }

        func callAsFunction(_ text: Tensor) -> Tensor {
            output(norm(blocks.reduce(positions(tokens(text))) { $1($0) }))
        }
    }

    /// A name is looked for beside the layer first, then further out.
    @Test func tiedNamesAreSeenFromWhereTheyAreWritten() throws {
        let embedding = "{embedding: {count: 5, width: 4}}"
        for (yaml, weight) in [
            ("[t: \(embedding), s: {sequential: [t: \(embedding), o: {linear: {tiedTo: t}}]}]", "s.t"),
            ("[t: \(embedding), s: {sequential: [u: \(embedding), o: {linear: {tiedTo: t}}]}]", "t"),
            ("[s: {sequential: [t: \(embedding)]}, o: {linear: {tiedTo: s.t}}]", "s.t"),
        ] {
            let model = try model(yaml)
            var found: [String: Parameter] = [:]
            func walk(_ module: any Module, _ path: String) {
                guard let sequential = module as? Sequential else {
                    found[path] = (module as? Embedding)?.weight ?? (module as? Linear)?.weight
                    return
                }
                for block in sequential.blocks {
                    walk(block.module, path.isEmpty ? block.name : "\(path).\(block.name)")
                }
            }
            walk(model, "")
            let tied = try #require(found["o"] ?? found["s.o"])
            #expect(tied === found[weight], "\(yaml)")
        }
    }
}
