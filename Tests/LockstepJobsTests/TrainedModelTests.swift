import LockstepCore
import LockstepData
import LockstepEngine
import LockstepModels
import Testing

@testable import LockstepJobs

@Suite struct TrainedModelTests {
    private static let table = """
        model: [linear: 2]
        loss: softmaxCrossEntropy
        optimizer: sgd
        data: {train: {csv: {path: train.csv, label: y}}, validation: {split: 0.25}, test: {csv: {path: test.csv, label: y}}}
        batchSize: 4
        epochs: 1
        """

    private static let train = "a,b,y\n" + (0..<16).map { "\($0),\($0 % 3),\($0 < 8 ? "no" : "yes")\n" }.joined()
    private static let test = "b,a,y\n1,100,yes\n2,-100,no\n"

    private func file(_ path: DataPath) throws -> DataFile {
        let texts = ["train.csv": TrainedModelTests.train, "test.csv": TrainedModelTests.test]
        return DataFile(name: path.name, bytes: Array(try #require(texts[path.name]).utf8))
    }

    private func samples(_ count: Int, of width: Int, read: (Int, UnsafeMutablePointer<Float>, inout Int32) -> Void)
        -> [[Float]]
    {
        (0..<count).map { sample in
            var input = [Float](repeating: 0, count: width)
            var target: Int32 = -1
            read(sample, &input, &target)
            return input + [Float(target)]
        }
    }

    /// The preprocessing of a snapshot stands for the training data, which is not there any more.
    @Test func readsTestDataAsTheTrainingDid() throws {
        let parsed = try JobFile(JobFileTests.source(TrainedModelTests.table)).job
        let job = try ResolvedJob(parsed, file: file)
        let model = try TrainedModel(parsed, preprocessing: job.preprocessing)
        #expect(model.plan.digest == job.plan.digest)
        let reader = try model.evaluationData { path in
            #expect(path.name == "test.csv")
            return try file(path)
        }
        let expected = try #require(job.test)
        #expect(reader.count == 2 && expected.count == 2)
        let given = samples(2, of: 2) { model.read($0, of: reader, input: $1, target: &$2) }
        let wanted = samples(2, of: 2) { job.readForEvaluation($0, of: expected, input: $1, target: &$2) }
        #expect(given == wanted)
        #expect(given.map { $0[2] } == [1, 0])
    }

    /// What is fitted comes from the samples that are learned from, not from those split off.
    @Test func fitsToTheTrainingSamplesAlone() throws {
        let split = try ResolvedJob(JobFile(JobFileTests.source(TrainedModelTests.table)).job, file: file)
        let whole = try ResolvedJob(
            JobFile(JobFileTests.source(TrainedModelTests.table.replacing(" validation: {split: 0.25},", with: "")))
                .job,
            file: file)
        #expect(split.preprocessing.table?.columns.map(\.mean) != whole.preprocessing.table?.columns.map(\.mean))
        #expect(whole.preprocessing.table?.columns.first { $0.name == "a" }?.mean == 7.5)
    }

    /// What is done to every image is done outside training, too; what is random is not.
    @Test func transformsOfEvaluationAreThoseOfTheTraining() throws {
        let parsed = try JobFile(
            JobFileTests.source(
                JobFileTests.valid,
                ["data.transforms=[flip, rotate: 20, normalize: {mean: 0.25, deviation: 0.5}]"])
        ).job
        let job = try ResolvedJob(parsed) { DataFile(name: $0.name, bytes: []) }
        let model = try TrainedModel(parsed, preprocessing: job.preprocessing)
        let reader = try model.evaluationData { DataFile(name: $0.name, bytes: []) }
        let expected = try #require(job.test)
        let width = job.plan.sampleElements
        let given = samples(5, of: width) { model.read($0, of: reader, input: $1, target: &$2) }
        let wanted = samples(5, of: width) { job.readForEvaluation($0, of: expected, input: $1, target: &$2) }
        let raw = samples(5, of: width) { expected.read($0, input: $1, target: &$2) }
        #expect(given == wanted)
        #expect(given.map { $0.prefix(width) } == raw.map { $0.prefix(width).map { ($0 - 0.25) / 0.5 }[...] })
        let trained = samples(5, of: width) { job.readForTraining($0, epoch: 1, input: $1, target: &$2) }
        let again = samples(5, of: width) { job.readForTraining($0, epoch: 1, input: $1, target: &$2) }
        let later = samples(5, of: width) { job.readForTraining($0, epoch: 2, input: $1, target: &$2) }
        #expect(trained == again)
        #expect(trained != later)
    }

    @Test func saysWhereTestDataIsMissing() throws {
        let text = TrainedModelTests.table.replacing(", test: {csv: {path: test.csv, label: y}}", with: "")
        let parsed = try JobFile(JobFileTests.source(text)).job
        let job = try ResolvedJob(parsed, file: file)
        let model = try TrainedModel(parsed, preprocessing: job.preprocessing)
        #expect(throws: CommandError.self) { _ = try model.evaluationData(file: file) }
    }

    /// Paths in later changes are relative to where those are made.
    @Test func laterChangesHaveADirectoryOfTheirOwn() throws {
        let source = JobFileTests.source(TrainedModelTests.table, ["data.train.csv.path=mine.csv"])
            .changed(by: ["data.test.csv.path=other.csv"], in: "/there")
        let files = try JobFile(source).files
        #expect(files.map(\.absolutePath) == ["/here/mine.csv", "/there/other.csv"])
    }
}
