import LockstepCore
import LockstepEngine
import Testing

@testable import LockstepModels

private final class Dropping: Module {
    let hidden = Linear(8), output = Linear(3)
    let drop = Dropout(0.5)

    func callAsFunction(_ input: Tensor) -> Tensor {
        output(dropout(drop(relu(drop(hidden(input)))), 0.1))
    }
}

@Suite("Layers") struct LayerTests {
    @Test("a layer and its function are the same operation")
    func functions() throws {
        let pairs: [(any Module, @Sendable (Tensor) -> Tensor)] = [
            (ReLU(), { relu($0) }), (Sigmoid(), { sigmoid($0) }), (Tanh(), { tanh($0) }), (SiLU(), { silu($0) }),
            (Softplus(), { softplus($0) }), (GELU(), { gelu($0) }),
            (GELU(approximate: true), { gelu($0, approximate: true) }),
            (LeakyReLU(0.2), { leakyReLU($0, slope: 0.2) }), (ELU(0.5), { elu($0, alpha: 0.5) }),
            (MaxPool2D(3, stride: 2, padding: 1), { maxPool2D($0, 3, stride: 2, padding: 1) }),
            (AveragePool2D(3, stride: 2, padding: 1), { averagePool2D($0, 3, stride: 2, padding: 1) }),
        ]
        var digests: [Digest] = []
        for (layer, function) in pairs {
            let digest = try compile(Sequential([("a", layer), ("b", Flatten()), ("c", Linear(3))]), [5, 5, 2]).digest
            #expect(try compile(Functional(function), [5, 5, 2]).digest == digest, "\(layer)")
            digests.append(digest)
        }
        #expect(Set(digests).count == digests.count, "no two layers are the same")
        let softmaxed = try compile(Sequential([("a", Softmax()), ("b", Flatten()), ("c", Linear(3))]), [5])
        #expect(try compile(Functional { softmax($0) }, [5]).digest == softmaxed.digest)
    }

    private final class Functional: Module {
        let function: @Sendable (Tensor) -> Tensor
        let c = Linear(3)

        init(_ function: @escaping @Sendable (Tensor) -> Tensor) { self.function = function }

        func callAsFunction(_ input: Tensor) -> Tensor { c(function(input).flattened()) }
    }

    @Test("a dropout draws from its path; further calls and free dropouts from paths of their own")
    func sites() throws {
        let text = try compile(Dropping(), [4]).modelDescription
        #expect(text.contains("dropout[probability:0.5,site:drop]"))
        #expect(text.contains("dropout[probability:0.5,site:drop.1]"))
        #expect(text.contains("dropout[probability:0.1,site:.dropout]"))
    }

    @Test("settings that a shape does not show change the digest")
    func settings() throws {
        let models: [[any Module]] = [
            [Conv2D(4, kernel: 3)], [Conv2D(4, kernel: 3, padding: 1)], [Conv2D(4, kernel: 3, stride: 2, padding: 1)],
            [Conv2D(4, kernel: 3, stride: 2)], [Conv2D(4, kernel: 3), Dropout(0.2)],
            [Conv2D(4, kernel: 3), Dropout(0.3)], [Conv2D(4, kernel: 3), LeakyReLU(0.2)],
            [Conv2D(4, kernel: 3), LeakyReLU(0.3)],
        ]
        let descriptions = try models.map {
            try compile(
                Sequential(($0 + [Flatten()]).map { (nil, $0) } + [("out", Linear(3))]), [5, 5, 1]
            ).modelDescription
        }
        #expect(Set(descriptions).count == models.count)
    }

    @Test("losses that differ give other descriptions, the plain one stays as it was")
    func losses() throws {
        let ofClasses: [Loss] = [
            .softmaxCrossEntropy, .softmaxCrossEntropy(labelSmoothing: 0.1),
            .softmaxCrossEntropy(labelSmoothing: 0.1, classWeights: [1, 2, 3]), .meanSquaredError, .meanAbsoluteError,
            .huber(), .huber(delta: 2), .binaryCrossEntropy(), .binaryCrossEntropy(positiveWeight: 3),
        ]
        var texts: Set<String> = []
        for loss in ofClasses {
            try loss.validate()
            let plan = try compile(Linear(3), [2], loss: loss)
            texts.insert(plan.modelDescription)
            #expect(plan.target == (loss.takesClasses ? .classes : .values(3)))
            #expect(plan.targetElements == (loss.takesClasses ? 1 : 3))
            #expect(plan.classes == (loss.takesClasses ? 3 : 0))
        }
        #expect(texts.count == ofClasses.count)
        #expect(Loss.softmaxCrossEntropy(labelSmoothing: 0, classWeights: []) == .softmaxCrossEntropy)
    }

    @Test("settings that no training survives are refused by name")
    func refusals() {
        let losses: [(Loss, String)] = [
            (.softmaxCrossEntropy(labelSmoothing: 1), "loss.softmaxCrossEntropy.labelSmoothing: 1.0"),
            (.softmaxCrossEntropy(classWeights: [1, -1]), "loss.softmaxCrossEntropy.classWeights"),
            (.softmaxCrossEntropy(classWeights: [0, 0]), "loss.softmaxCrossEntropy.classWeights"),
            (.huber(delta: 0), "loss.huber.delta"), (.binaryCrossEntropy(positiveWeight: .nan), "positiveWeight"),
        ]
        for (loss, words) in losses {
            #expect {
                try loss.validate()
            } throws: {
                ($0 as? CommandError)?.message.contains(words) == true
            }
        }
        #expect {
            try compile(Linear(3), [2], loss: .softmaxCrossEntropy(classWeights: [1, 2]))
        } throws: {
            ($0 as? CommandError)?.message.contains("has 2 classWeights, but the model gives 3 outputs") == true
        }
        let layers: [(any Module, String)] = [
            (Conv2D(2, kernel: 3, stride: 0), "layer 'a' (conv2D): stride is 0"),
            (Conv2D(2, kernel: 3, padding: 3), "padding is 3"), (Conv2D(2, kernel: 3, padding: -1), "padding is -1"),
            (MaxPool2D(2, padding: 2), "padding is 2"), (AveragePool2D(0), "kernel is 0"),
            (AveragePool2D(9, padding: 1), "9 × 9 is larger"), (Softmax(), "takes a flat input"),
            (Dropout(1), "probability is 1.0"), (ELU(.infinity), "must be finite"),
            (Conv2D(2, kernel: 3, stride: .max), "stride is"),
            (Conv2D(2, kernel: .max), "is larger than what comes in"),
        ]
        for (layer, words) in layers {
            #expect {
                try compile(Sequential([("a", layer), ("b", Flatten()), ("c", Linear(3))]), [5, 5, 1])
            } throws: {
                ($0 as? CommandError)?.message.contains(words) == true
            }
        }
        for (clipping, words) in [(Clipping.norm(0), "clipping.norm"), (.value(.infinity), "clipping.value")] {
            #expect {
                try clipping.validate()
            } throws: {
                ($0 as? CommandError)?.message.contains(words) == true
            }
        }
        #expect(throws: CommandError.self) { try Regularization(l1: -1).validate() }
        #expect(throws: CommandError.self) { try Regularization(l2: .nan).validate() }
    }

    @Test("the table of layers")
    func table() throws {
        let model = Sequential([
            (name: "conv1", module: Conv2D(4, kernel: 3, stride: 2, padding: 1)), (name: nil, module: GELU()),
            (name: nil, module: AveragePool2D(2)), (name: nil, module: Flatten()), (name: nil, module: Dropout(0.5)),
            (name: "output", module: Linear(3)),
        ])
        let table = try compile(model, [8, 8, 2]).layerTable
        #expect(table.map(\.name) == ["conv1", "1", "2", "3", "4", "output"])
        #expect(table.map(\.kind) == ["conv2D", "gelu", "averagePool2D", "flatten", "dropout", "linear"])
        #expect(table.map(\.outputShape) == [[4, 4, 4], [4, 4, 4], [2, 2, 4], [16], [16], [3]])
        #expect(table.map(\.parameterCount) == [76, 0, 0, 0, 0, 51])
        #expect(table.map(\.flopsPerSample) == [2 * 16 * 72, 0, 0, 0, 0, 2 * 48])
    }

    @Test("new layers have one canonical text")
    func descriptions() {
        #expect(
            Conv2D(16, kernel: 3, stride: 2, padding: 1).description == "conv2D(outputs:16,kernel:3,stride:2,padding:1)"
        )
        #expect(MaxPool2D(3, stride: 2, padding: 1).description == "maxPool2D(kernel:3,stride:2,padding:1)")
        #expect(Dropout(0.25).description == "dropout(probability:0.25)")
        #expect(GELU(approximate: true).description == "gelu(approximate:true)")
    }

    @Test("predictions are probabilities where the loss is of logits")
    func predictions() {
        func predict(_ loss: Loss) -> [Float] {
            var values: [Float] = [0, 0, 1, 1]
            loss.finishPrediction(rows: 2, count: 2, &values, kernels: .best())
            return values
        }
        #expect(predict(.softmaxCrossEntropy) == [0.5, 0.5, 0.5, 0.5])
        #expect(predict(.meanSquaredError) == [0, 0, 1, 1])
        let logits = predict(.binaryCrossEntropy())
        #expect(logits[0] == 0.5 && abs(logits[2] - 0.7310586) < 1e-6)
    }

    @Test("a state is filled by name, and what is missing is named")
    func load() throws {
        let plan = try compile(Linear(3), [2], optimizer: .sgd(learningRate: 0.1, momentum: 0.9))
        let source = try FlatState(plan: plan, seed: 4, keepsBest: true)
        source.keepBest()
        let tensors = Dictionary(
            uniqueKeysWithValues: (source.parameterViews + source.optimizerViews).map { ($0.name, Array($0.elements)) })
        let names = tensors.keys.sorted()
        #expect(
            names == [
                "best.bias", "best.weight", "bias", "momentum_buffer.bias", "momentum_buffer.weight", "weight",
            ])
        let target = try FlatState(layout: plan.layout, optimizer: plan.optimizer, keepsBest: true)
        try target.load { tensors[$0] }
        #expect(target.hash(.best()) == source.hash(.best()))
        target.initialize(seed: 9)
        target.restoreBest()
        #expect(target.hash(.best()) != source.hash(.best()), "the vectors were cleared")
        #expect {
            try target.load { $0 == "momentum_buffer.weight" ? nil : tensors[$0] }
        } throws: {
            ($0 as? CommandError)?.message.contains("'momentum_buffer.weight'") == true
        }
        try target.load(withVectors: false) { $0.contains(".") ? nil : tensors[$0] }
        #expect {
            try target.load { tensors[$0].map { $0 + [0] } }
        } throws: {
            ($0 as? CommandError)?.exitCode == .verification
        }
    }

    private func compile(
        _ model: any Module, _ shape: [Int], loss: Loss = .softmaxCrossEntropy,
        optimizer: Optimizer = .sgd(learningRate: 0.1)
    ) throws -> Plan {
        try Plan.compile(model: model, inputShape: shape, loss: loss, optimizer: optimizer)
    }
}
