import LockstepCore
import LockstepData
import LockstepEngine
import LockstepModels
import Testing

@testable import LockstepJobs

/// A job in code, as DESIGN's example has it.
private final class Classifier: Module {
    let conv1 = Conv2D(1, 32, kernel: 3)
    let conv2 = Conv2D(32, 64, kernel: 3)
    let hidden = Linear(5 * 5 * 64, 64)
    let output = Linear(64, 10)
    let dropout = Dropout(0.25)

    func callAsFunction(_ images: Tensor) -> Tensor {
        var x = maxPool2D(relu(conv1(images)), 2)
        x = maxPool2D(relu(conv2(x)), 2)
        return output(dropout(relu(hidden(x.flattened()))))
    }
}

@Suite(.serialized) struct ProgramJobTests {
    private static let text = """
        model:
          - conv1: {conv2D: {outputs: 32, kernel: 3}}
          - relu
          - maxPool2D: 2
          - conv2: {conv2D: {outputs: 64, kernel: 3}}
          - relu
          - maxPool2D: 2
          - flatten
          - hidden: {linear: 64}
          - relu
          - dropout: {dropout: 0.25}
          - output: {linear: 10}
        loss: softmaxCrossEntropy
        optimizer: {adam: {learningRate: {cosine: {from: 0.001, warmUpSteps: 100}}}}
        metrics: [accuracy, f1]
        data:
          train: {glyphs: {count: 300}}
          transforms: [crop: 2, brightness: [0.9, 1.1]]
          validation: {split: 0.1}
          test: {glyphs: {count: 20, part: test}}
        batchSize: 128
        epochs: 4
        seed: 42
        regularization: {l2: 0.001}
        clipping: {norm: 1}
        earlyStopping: {patience: 2}
        """

    @Sendable private static func make() -> Job {
        Job(
            name: "digits", model: Classifier(), loss: .softmaxCrossEntropy,
            optimizer: .adam(learningRate: .cosine(from: 1e-3, warmUpSteps: 100)), metrics: [.accuracy, .f1],
            train: Glyphs(count: 300), transforms: Transforms([.crop(padding: 2), .brightness(0.9...1.1)]),
            validation: .split(0.1), test: Glyphs(count: 20, part: .test), batchSize: 128, epochs: 4, seed: 42,
            regularization: Regularization(l2: 0.001), clipping: .norm(1), earlyStopping: EarlyStopping(patience: 2))
    }

    private func resolve(_ job: Job) throws -> ResolvedJob {
        try ResolvedJob(job) { DataFile(name: $0.name, bytes: []) }
    }

    private func program(_ overrides: [String]) throws -> JobFile {
        ProgramJob.register(ProgramJobTests.make)
        return try JobFile(.program(name: "digits", currentDirectory: "/here", overrides: overrides))
    }

    @Test func codeAndFileGiveTheSameDigest() throws {
        let code = try resolve(try program([]).job)
        let file = try resolve(try JobFile(JobFileTests.source(ProgramJobTests.text)).job)
        #expect(code.description == file.description)
        #expect(code.digest == file.digest)
        #expect(code.plan.digest == file.plan.digest)
        let renamed = ProgramJobTests.text.replacing("hidden:", with: "middle:")
        #expect(try resolve(try JobFile(JobFileTests.source(renamed)).job).digest != code.digest)
    }

    @Test func someSettingsCanBeChangedFromOutside() throws {
        let job = try program([
            "batchSize=4", "steps=7", "seed=9", "snapshots.keep=5", "audit.everySteps=6", "traces.sample=2",
            "name=other",
        ]).job
        #expect(job.batchSize == 4)
        #expect(job.lanes == 4)
        #expect(job.length == .steps(7))
        #expect(job.seed == 9)
        #expect(job.snapshots == SnapshotPolicy(keep: 5))
        #expect(job.audit == LaneAuditPolicy(everySteps: 6))
        #expect(job.traces == TraceSettings(sample: 2))
        #expect(job.name == "other")
        #expect(try program(["lanes=3"]).job.lanes == 3)
    }

    @Test func othersAreRefusedInOneLine() throws {
        for (override, expected) in [
            ("loss=huber", "--set loss=huber: loss: unknown key; "), ("batchSze=3", "did you mean batchSize?"),
            ("batchSize=0", "0 is too small; at least 1"), ("epochs=2", ""),
        ] {
            do {
                _ = try program([override])
                #expect(expected.isEmpty, "\(override)")
            } catch let error as CommandError {
                #expect(!expected.isEmpty && error.message.contains(expected), "\(error.message)")
                #expect(error.exitCode == .usage && !error.message.contains("\n"))
            }
        }
    }

    @Test func itsPathsAreRelativeToTheCurrentDirectory() throws {
        ProgramJob.register {
            var job = ProgramJobTests.make()
            job.train = IDX(images: "a", labels: "/b")
            job.test = ImageFolder(path: "c")
            return job
        }
        defer { ProgramJob.register(ProgramJobTests.make) }
        let files = try JobFile(.program(name: "digits", currentDirectory: "/here")).files
        #expect(files.map(\.absolutePath) == ["/here/a", "/b", "/here/c"])
        #expect(files.map(\.isDirectory) == [false, false, true])
    }
}
