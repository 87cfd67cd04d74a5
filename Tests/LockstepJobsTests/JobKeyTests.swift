import LockstepCore
import LockstepData
import LockstepModels
import Testing

@testable import LockstepJobs

/// Every key of the table gives the Swift value of the same name.
@Suite struct JobKeyTests {
    private func job(_ overrides: [String]) throws -> Job {
        try JobFile(JobFileTests.source(JobFileTests.valid, overrides)).job
    }

    @Test func blocks() throws {
        let text = """
            model=[a: {conv2D: {outputs: 4, kernel: 3, stride: 2, padding: 1}}, relu, {maxPool2D: {kernel: 3, padding: 1}}, \
            {averagePool2D: {kernel: 2, stride: 1}}, sigmoid, tanh, softmax, silu, softplus, gelu, {gelu: {approximate: true}}, \
            leakyReLU, leakyReLU: 0.2, elu, elu: 0.5, dropout, dropout: 0.25, flatten, linear: {outputs: 10, bias: false}]
            """
        let model = try #require(try job([text]).model as? Sequential)
        #expect(
            model.blocks.map { "\($0.module)" } == [
                "\(Conv2D(4, kernel: 3, stride: 2, padding: 1))", "\(ReLU())", "\(MaxPool2D(3, padding: 1))",
                "\(AveragePool2D(2, stride: 1))", "\(Sigmoid())", "\(Tanh())", "\(Softmax())", "\(SiLU())",
                "\(Softplus())", "\(GELU())", "\(GELU(approximate: true))", "\(LeakyReLU())", "\(LeakyReLU(0.2))",
                "\(ELU())", "\(ELU(0.5))", "\(Dropout())", "\(Dropout(0.25))", "\(Flatten())",
                "\(Linear(10, bias: false))",
            ])
        #expect(model.blocks[0].name == "a" && model.blocks[1].name == "1")
    }

    @Test(arguments: [
        ("softmaxCrossEntropy", Loss.softmaxCrossEntropy),
        ("{softmaxCrossEntropy: {labelSmoothing: 0.1}}", .softmaxCrossEntropy(labelSmoothing: 0.1)),
        ("{softmaxCrossEntropy: {classWeights: [1, 2]}}", .softmaxCrossEntropy(classWeights: [1, 2])),
        ("meanSquaredError", .meanSquaredError), ("meanAbsoluteError", .meanAbsoluteError), ("huber", .huber()),
        ("huber: 0.5", .huber(delta: 0.5)), ("binaryCrossEntropy", .binaryCrossEntropy()),
        ("{binaryCrossEntropy: {positiveWeight: 3}}", .binaryCrossEntropy(positiveWeight: 3)),
    ])
    func losses(_ text: String, _ expected: Loss) throws {
        #expect(try job(["loss=\(text)"]).loss == expected)
    }

    @Test(arguments: [
        ("sgd", Optimizer.sgd(learningRate: 0.001)), ("sgd: 0.5", .sgd(learningRate: 0.5)),
        (
            "{sgd: {learningRate: 0.1, momentum: 0.9, nesterov: true}}",
            .sgd(learningRate: 0.1, momentum: 0.9, nesterov: true)
        ),
        ("{sgd: {momentum: 0.9, dampening: 0.5}}", .sgd(learningRate: 0.001, momentum: 0.9, dampening: 0.5)),
        ("adam", .adam(learningRate: 0.001)), ("adamW", .adamW(learningRate: 0.001)),
        ("{adamW: {learningRate: 0.01, weightDecay: 0.1}}", .adamW(learningRate: 0.01, weightDecay: 0.1)),
        ("rmsprop", .rmsprop(learningRate: 0.01)),
        ("{rmsprop: {alpha: 0.9, momentum: 0.5}}", .rmsprop(learningRate: 0.01, alpha: 0.9, momentum: 0.5)),
        ("adagrad", .adagrad(learningRate: 0.01)),
        ("{adagrad: {learningRateDecay: 0.1}}", .adagrad(learningRate: 0.01, learningRateDecay: 0.1)),
    ])
    func optimizers(_ text: String, _ expected: Optimizer) throws {
        #expect(try job(["optimizer=\(text)"]).optimizer == expected)
    }

    @Test(arguments: [
        ("0.5", Schedule.constant(0.5)),
        ("{constant: {rate: 0.5, warmUpSteps: 3}}", .constant(0.5, warmUpSteps: 3)),
        ("{cosine: {from: 0.1, warmUpSteps: 3}}", .cosine(from: 0.1, warmUpSteps: 3)),
        ("{steps: {from: 0.1, every: 30}}", .steps(from: 0.1, every: 30)),
        ("{milestones: {from: 0.1, at: [3, 8], factor: 0.5}}", .milestones(from: 0.1, at: [3, 8], factor: 0.5)),
        ("{exponential: {from: 0.1, decay: 0.99}}", .exponential(from: 0.1, decay: 0.99)),
        ("{linear: {from: 0.1, to: 0, steps: 9}}", .linear(from: 0.1, to: 0, steps: 9)),
        ("{plateau: {from: 0.1, patience: 2}}", .plateau(from: 0.1, patience: 2)),
    ])
    func schedules(_ text: String, _ expected: Schedule) throws {
        #expect(try job(["optimizer={sgd: {learningRate: \(text)}}"]).optimizer.learningRate == expected)
        if text.hasPrefix("{") { #expect(try job(["optimizer={sgd: \(text)}"]).optimizer.learningRate == expected) }
    }

    @Test func settings() throws {
        #expect(
            try job([
                "metrics=[accuracy, topK: 3, confusionMatrix, precision, recall, f1, rocAUC, meanAbsoluteError, rSquared]"
            ]).metrics == [
                .accuracy, .topK(3), .confusionMatrix, .precision, .recall, .f1, .rocAUC, .meanAbsoluteError, .rSquared,
            ])
        #expect(try job([]).metrics == nil)
        #expect(try job(["clipping={norm: 1.5}"]).clipping == .norm(1.5))
        #expect(try job(["clipping={value: 0.5}"]).clipping == .value(0.5))
        #expect(try job(["regularization={l1: 0.1, l2: 0.2}"]).regularization == Regularization(l1: 0.1, l2: 0.2))
        #expect(try job(["earlyStopping=5"]).earlyStopping == EarlyStopping(patience: 5))
        #expect(
            try job(["earlyStopping={metric: accuracy, patience: 5, minimumDelta: 0.1, restoreBest: true}"])
                .earlyStopping
                == EarlyStopping(metric: "accuracy", patience: 5, minimumDelta: 0.1, restoreBest: true))
        #expect(
            try job(["snapshots={everySteps: 7, keep: 2, best: loss}"]).snapshots
                == SnapshotPolicy(everySteps: 7, keep: 2, best: "loss"))
        #expect(try job([]).audit == LaneAuditPolicy())
        #expect(try job(["audit={everySteps: 7}"]).audit == LaneAuditPolicy(everySteps: 7))
        #expect(try job(["audit.everySteps=7"]).audit == LaneAuditPolicy(everySteps: 7))
        #expect(try job(["traces=off"]).traces == TraceSettings(isOff: true))
        #expect(try job(["traces={slow: 3, sample: 5}"]).traces == TraceSettings(slow: 3, sample: 5))
        #expect(try !job(["shuffle=false"]).shuffle)
        #expect(try job([]).shuffle)
    }

    @Test func data() throws {
        func source(_ text: String) throws -> any DataSource { try job(["data.train=\(text)"]).train }
        #expect(try source("{idx: {images: a, labels: b}}") as? IDX == IDX(images: "a", labels: "b"))
        #expect(
            try source("{csv: {path: a.csv, label: y, task: regress, categorical: c, ignored: [d, e]}}") as? CSV
                == CSV(path: "a.csv", label: "y", task: .regress, categorical: ["c"], ignored: ["d", "e"]))
        #expect(try source("{npy: {inputs: a, labels: b}}") as? NPY == NPY(inputs: "a", labels: "b"))
        #expect(
            try source("{safetensors: {path: a, inputs: x, labels: y}}") as? SafetensorsData
                == SafetensorsData(path: "a", inputs: "x", labels: "y"))
        #expect(
            try source("{imageFolder: {path: a, height: 8, width: 9}}") as? ImageFolder
                == ImageFolder(path: "a", height: 8, width: 9))
        #expect(try source("{cifar10: [a, b]}") as? CIFAR10 == CIFAR10(paths: ["a", "b"]))
        for generated in [
            "line: 10", "features: {count: 10, inputs: 2}", "moons: {count: 10, noise: 0.2, part: validation}",
            "patterns: {count: 10, height: 8, width: 8, classes: 3}", "glyphs: 10",
        ] {
            #expect(try source("{\(generated)}").paths.isEmpty)
        }
        let split = try job(["data.validation={split: 0.2}"])
        guard case .split(0.2)? = split.validation else {
            Issue.record("no split")
            return
        }
        let given = try job(["data.validation={glyphs: {count: 5, part: validation}}"])
        guard case .source(let source)? = given.validation else {
            Issue.record("no source")
            return
        }
        #expect(source.canonicalDescription == Glyphs(count: 5, part: .validation).canonicalDescription)
    }

    @Test func transforms() throws {
        let text =
            "data.transforms=[crop: 4, flip, rotate: 10, scale: [0.9, 1.1], brightness: [0.8, 1.2], normalize: {mean: 0.5, deviation: [0.25]}]"
        #expect(
            try job([text]).transforms
                == Transforms([
                    .crop(padding: 4), .flip, .rotate(degrees: 10), .scale(0.9...1.1), .brightness(0.8...1.2),
                    .normalize(mean: [0.5], deviation: [0.25]),
                ]))
        #expect(try job(["data.transforms=flip"]).transforms == Transforms([.flip]))
    }

    @Test(arguments: [
        ("metrics=[acuracy]", "did you mean accuracy?"),
        ("metrics=[accuracy, accuracy]", "stands twice"),
        ("metrics=[topK]", "needs k"),
        ("clipping={norm: 0}", "greater than 0"),
        ("clipping=1", "unknown clipping '1'; it is one of norm, value"),
        ("regularization=0.1", "write {l2: 0.0001}"),
        ("regularization={l3: 0.1}", "did you mean l1?"),
        ("earlyStopping={metric: loss}", "needs patience"),
        ("snapshots={keep: 0}", "at least 1"),
        ("snapshots={kep: 5}", "did you mean keep?"),
        ("audit={everySteps: 0}", "at least 1"),
        ("audit={every: 5}", "audit knows everySteps"),
        ("traces=on", "write off or {slow: 2}"),
        ("shuffle=maybe", "neither true nor false"),
        ("data.validation={split: 1}", "0 < split < 1"),
        ("data.transforms=[rotat: 3]", "did you mean rotate?"),
        ("data.transforms=[scale: 2]", "a range is two numbers in order"),
        ("data.train={csv: {path: a}}", "csv needs label"),
        ("data.train={csv: {path: a, label: b, task: guess}}", "unknown task 'guess'; it is one of classify, regress"),
        ("data.train={csv: {path: a, label: [b]}}", "no text"),
        ("model=[dropout: 1]", "0 ≤ probability < 1"),
        ("model=[leakyRelu]", "did you mean leakyReLU?"),
        ("optimizer={sgd: {milestones: {from: 1, at: [5, 3]}}}", "3 does not increase"),
        ("optimizer={sgd: {exponential: {from: 1}}}", "exponential needs decay"),
        ("optimizer={sgd: {momentum: 1}}", "0 ≤ momentum < 1"),
        ("loss={softmaxCrossEntropy: {labelSmoothing: 1}}", "0 ≤ labelSmoothing < 1"),
    ])
    func refusals(_ override: String, _ expected: String) throws {
        let message = try JobFileTests.refusal(JobFileTests.valid, [override])
        #expect(message.hasPrefix("--set "), "\(message)")
        #expect(message.contains(expected), "\(message)")
    }

    @Test func aPathThatMeansTwoThingsIsRefused() throws {
        let text = JobFileTests.valid.replacing("{glyphs: {count: 100}}", with: "{idx: {images: a, labels: b}}")
        let message = try JobFileTests.refusal(text, ["data.test={idx: {images: a, labels: /b}}"])
        #expect(message.contains("'a' names something else elsewhere in the job; write the whole path"), "\(message)")
    }

    @Test func directoriesAreMarked() throws {
        let files = try JobFile(JobFileTests.source(JobFileTests.valid, ["data.train={imageFolder: pictures}"])).files
        #expect(files.map(\.absolutePath) == ["/here/pictures"])
        #expect(files.map(\.isDirectory) == [true])
    }
}
