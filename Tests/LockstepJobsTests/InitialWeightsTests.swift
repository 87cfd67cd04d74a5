import LockstepCore
import LockstepData
import LockstepEngine
import LockstepFormats
import Testing

@testable import LockstepJobs

@Suite("initialize: {from: weights.safetensors}") struct InitialWeightsTests {
    static let plain = """
        model: [hidden: {linear: 4}, relu, output: {linear: 1}]
        loss: meanSquaredError
        optimizer: {adam: {learningRate: 0.01}}
        data: {train: {features: {count: 64, inputs: 3}}}
        batchSize: 16
        steps: 4
        """
    static let text = plain + "\ninitialize: {from: weights.safetensors}"

    static func values(_ count: Int) -> [Float] { (0..<count).map { Float($0) / 8 - 1 } }

    static let tensors = [
        TensorView(name: "hidden.weight", shape: [4, 3], floats: values(12)),
        TensorView(name: "hidden.bias", shape: [4], floats: values(4)),
        TensorView(name: "output.weight", shape: [1, 4], floats: values(4)),
        TensorView(name: "output.bias", shape: [1], floats: [0.5]),
    ]

    private func resolved(_ text: String, _ bytes: [UInt8]) throws -> ResolvedJob {
        try ResolvedJob(JobFile(JobFileTests.source(text)).job) { DataFile(name: $0.name, bytes: bytes) }
    }

    private func resolved(_ tensors: [TensorView], _ text: String = text) throws -> ResolvedJob {
        try resolved(text, try Safetensors(tensors: tensors).encoded())
    }

    private func parameters(_ state: FlatState) -> [String: [Float]] {
        Dictionary(uniqueKeysWithValues: state.parameterViews.map { ($0.name, Array($0.elements)) })
    }

    @Test("the state begins with the file's numbers; without, and once they are dropped, with the seed's")
    func begins() throws {
        var job = try resolved(InitialWeightsTests.tensors)
        let state = try job.takeInitialState()
        for tensor in InitialWeightsTests.tensors { #expect(parameters(state)[tensor.name] == tensor.floats) }
        let padding = job.plan.layout.paddings.flatMap { Array($0) }
        #expect(!padding.isEmpty && padding.allSatisfy { state.parameters[$0] == 0 })
        #expect(state.vectors.allSatisfy { vector in (0..<job.plan.layout.count).allSatisfy { vector[$0] == 0 } })

        var seeded = try resolved(InitialWeightsTests.plain, [])
        let plain = parameters(try seeded.takeInitialState())
        #expect(plain != parameters(state))
        var dropped = try resolved(InitialWeightsTests.tensors)
        dropped.dropInitialWeights()
        #expect(parameters(try dropped.takeInitialState()) == plain)
    }

    @Test("the job's digest covers the numbers, not how the file holds them")
    func digest() throws {
        let job = try resolved(InitialWeightsTests.tensors)
        let other = Safetensors(tensors: InitialWeightsTests.tensors.reversed(), metadata: [])
        #expect(try resolved(InitialWeightsTests.text, other.encoded()).digest == job.digest)
        let line = "initialize \(TensorDigest.digest(of: [InitialWeightsTests.tensors]))\n"
        #expect(job.description.contains(line))
        var changed = InitialWeightsTests.tensors
        changed[3] = TensorView(name: "output.bias", shape: [1], floats: [0.25])
        #expect(try resolved(changed).digest != job.digest)
        let plain = try resolved(InitialWeightsTests.plain, [])
        #expect(plain.digest != job.digest && !plain.description.contains("initialize"))
        #expect(plain.plan.digest == job.plan.digest)
    }

    @Test("everything in which a file differs is named, in one refusal")
    func differences() throws {
        let tensors = [
            TensorView(name: "hidden.weight", shape: [3, 4], floats: InitialWeightsTests.values(12)),
            TensorView(name: "hidden.bias", doubles: [1, 2, 3, 4]),
            TensorView(name: "output.weight", shape: [1, 4], floats: [1, .nan, 3, 4]),
            TensorView(name: "last\u{1B}.bias", shape: [1], floats: [0.5]),
            TensorView(name: "hidden.num_batches_tracked", integer: 4),
        ]
        #expect {
            try resolved(tensors)
        } throws: { error in
            guard let error = error as? CommandError, error.exitCode == .usage else { return false }
            let lines = error.message.split(separator: "\n").map(String.init)
            return lines.first?.hasPrefix("initialize: weights.safetensors does not fit the model; ") == true
                && lines.dropFirst().sorted() == [
                    "  hidden.bias: its type is F64, the model's F32",
                    "  hidden.weight: its shape is [3, 4], the model's [4, 3]",
                    "  missing: output.bias [1]",
                    "  not in the model: hidden.num_batches_tracked []",
                    #"  not in the model: last\u{1b}.bias [1]"#,
                    "  output.weight: it holds numbers that are not finite",
                ]
        }
    }

    @Test("a file that is no safetensors file is refused, at whatever byte it ends")
    func damaged() throws {
        let bytes = try Safetensors(tensors: InitialWeightsTests.tensors).encoded()
        for count in stride(from: 0, to: bytes.count, by: 7) {
            #expect(throws: CommandError.self) { try resolved(InitialWeightsTests.text, Array(bytes[..<count])) }
        }
        #expect {
            try resolved(InitialWeightsTests.text, [])
        } throws: {
            ($0 as? CommandError)?.message.hasPrefix("initialize: weights.safetensors: ") == true
        }
    }

    @Test("PyTorch's counters of batches may be there, or not, and count for nothing")
    func counters() throws {
        let text = """
            model: [hidden: {linear: 4}, norm: batchNorm1D, output: {linear: 1}]
            loss: meanSquaredError
            optimizer: {adam: {learningRate: 0.01}}
            data: {train: {features: {count: 64, inputs: 3}}}
            batchSize: 16
            steps: 4
            initialize: {from: weights.safetensors}
            """
        let norm = ["weight", "bias", "running_mean", "running_var"].map {
            TensorView(name: "norm.\($0)", shape: [4], floats: [1, 2, 3, 4])
        }
        let counter = TensorView(name: "norm.num_batches_tracked", integer: 9)
        let job = try resolved(InitialWeightsTests.tensors + norm, text)
        #expect(job.plan.layout.batchCounters == [counter.name])
        #expect(try resolved(InitialWeightsTests.tensors + norm + [counter], text).digest == job.digest)
        let wrong = TensorView(name: counter.name, shape: [1], floats: [9])
        #expect {
            try resolved(InitialWeightsTests.tensors + norm + [wrong], text)
        } throws: {
            ($0 as? CommandError)?.message.contains("norm.num_batches_tracked: its shape is [1], the model's []")
                == true
        }
    }

    @Test("the file is one of the job's, beside it, and its key has one name")
    func file() throws {
        let file = try JobFile(JobFileTests.source(InitialWeightsTests.text))
        #expect(file.job.initialize == InitialWeights(from: "weights.safetensors"))
        #expect(file.files.map(\.name) == ["weights.safetensors"])
        #expect(file.files.first?.absolutePath.hasSuffix("/weights.safetensors") == true)
        for (change, words) in [
            ("initialize={form: a.safetensors}", "from"), ("initialize={}", "from"),
            ("initialize.from=[a, b]", "initialize.from"),
        ] {
            #expect {
                try JobFile(JobFileTests.source(InitialWeightsTests.text, [change]))
            } throws: {
                ($0 as? CommandError)?.message.contains(words) == true
            }
        }
    }
}
