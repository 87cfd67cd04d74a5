import LockstepCore
import LockstepData
import LockstepEngine
import LockstepModels
import Testing

@testable import LockstepJobs

/// Jobs over tokens: the keys of their sources, and whether data and model fit together.
@Suite struct SequenceJobTests {
    private let bytes = """
        model: [tokens: {embedding: {count: 256, width: 4}}, linear: 256]
        loss: softmaxCrossEntropy
        optimizer: sgd
        data:
          train: {bytes: {paths: [a.txt, docs/], context: 3, to: 0.5}}
          test: {bytes: {paths: [a.txt, docs/], from: 0.5}}
        batchSize: 2
        steps: 2
        """

    private func job(_ text: String, _ overrides: [String] = []) throws -> JobFile {
        try JobFile(JobFileTests.source(text, overrides))
    }

    private func resolve(_ text: String, _ overrides: [String] = []) throws -> ResolvedJob {
        try ResolvedJob(job(text, overrides).job) { path in
            switch path {
            case .file(let name): DataFile(name: name, bytes: Array("label,text\n0,to be\n1,or not\n0,no\n".utf8))
            case .directory(let name):
                DataFile(name: name, entries: [DataFile(name: "x/y.md", bytes: Array("abcdefghijklmnop".utf8))])
            }
        }
    }

    @Test(arguments: [
        ("bytes: z.txt", Bytes(paths: ["z.txt"], context: nil) as any DataSource),
        (
            "{bytes: {paths: [a/, b], context: 8, stride: 4, suffixes: [.md, .c], from: 0.1, to: 0.9}}",
            Bytes(paths: ["a/", "b"], context: 8, stride: 4, suffixes: [".md", ".c"], from: 0.1, to: 0.9)
        ),
        ("{tokens: {path: t, context: 8}}", Tokens(path: "t", context: 8)),
        (
            "{tokens: {path: t, type: u32, context: 8, stride: 1, vocabulary: 99, from: 0.5, to: 0.75}}",
            Tokens(path: "t", type: .u32, context: 8, stride: 1, vocabulary: 99, from: 0.5, to: 0.75)
        ),
        ("{text: {path: t, length: 9}}", Text(path: "t", length: 9)),
        (
            "{text: {path: t, text: a, label: b, vocabulary: 50, length: 9, padding: post, task: regress}}",
            Text(path: "t", text: "a", label: "b", vocabulary: 50, length: 9, padding: .post, task: .regress)
        ),
        ("sentences: 7", Sentences(count: 7)),
        (
            "{sentences: {count: 7, length: 30, vocabulary: 50, padding: post, part: test, seed: 4}}",
            Sentences(count: 7, length: 30, vocabulary: 50, padding: .post, part: .test, seed: 4)
        ),
        ("{randomTokens: {count: 7, length: 3, tokens: 9}}", RandomTokens(count: 7, length: 3, tokens: 9)),
        (
            "{randomTokens: {count: 7, length: 3, tokens: 9, classes: 2, part: test, seed: 4}}",
            RandomTokens(count: 7, length: 3, tokens: 9, classes: 2, part: .test, seed: 4)
        ),
        (
            "{randomImages: {count: 7, height: 3, width: 4, channels: 1, classes: 2, part: test, seed: 4}}",
            RandomImages(count: 7, height: 3, width: 4, channels: 1, classes: 2, part: .test, seed: 4)
        ),
    ])
    func sources(_ text: String, _ expected: any DataSource) throws {
        let source = try job(bytes, ["data.train=\(text)"]).job.train
        #expect(source.canonicalDescription == expected.canonicalDescription)
        #expect(source.paths == expected.paths)
    }

    @Test func namesThatEndInASlashAreDirectories() throws {
        let files = try job(bytes).files
        #expect(files.map(\.name) == ["a.txt", "docs/"] && files.map(\.isDirectory) == [false, true])
        let job = try resolve(bytes)
        // 24 of 33 + 16 bytes, then 25; windows of 3 with one byte behind.
        #expect(job.train.count == 7 && job.test?.count == 8)
        #expect(job.plan.target == .classSequence(3) && job.plan.targetElements == 3 && job.plan.tokenLimit == 256)
        #expect(job.preprocessing.tokens == .bytes)
        #expect(try resolve(bytes, ["data.train.bytes.stride=1"]).digest != job.digest)
    }

    @Test(arguments: [
        ("data.train.bytes.context=none", "no whole number"), ("data.train.bytes.from=1.5", "0 ≤ from ≤ 1"),
        ("data.train={tokens: {path: t, type: u7}}", "it is one of u8, u16, u32"),
        ("data.train={text: {path: t}}", "needs length"),
        ("data.train={text: {path: t, length: 3, padding: both}}", "it is one of pre, post"),
        ("data.train={randomTokens: {count: 4, length: 3}}", "needs tokens"),
        ("data.train={bytes: {context: 3}}", "needs paths"),
    ])
    func mistakesAreNamed(_ override: String, _ expected: String) {
        let error = #expect(throws: CommandError.self) { try job(bytes, [override]) }
        #expect(error?.exitCode == .usage && error?.message.contains(expected) == true, "\(error?.message ?? "")")
    }

    @Test(arguments: [
        (["model.0.tokens.embedding.count=255"], "data.train: its tokens go from 0 to 255, but the embedding"),
        (["model.1=linear: 255"], "data.train: its targets are of 256 classes, but the model has 255 outputs at each"),
        (
            ["data.train={randomTokens: {count: 4, length: 3, tokens: 9, classes: 2}}"],
            "data.train: a sample has one target class, but the model gives one at each of 3 positions"
        ),
        (
            ["model=[embedding: {count: 256, width: 4}, last, linear: 256]"],
            "data.train: a sample has 3 target classes, one for each position, but the model gives one class"
        ),
        (["loss=meanSquaredError"], "data.train: its targets are sequences of classes"),
        (["data.train={features: {count: 4}}", "data.test=features: 4"], "data.train: its inputs are no tokens"),
        (["data.test.bytes.context=4"], "data.test: its samples have shape [4], those of data.train [3]"),
        (["data.train.bytes.context=999"], "a context of 999 needs 1000"),
    ])
    func refusesWhatDoesNotFit(_ overrides: [String], _ expected: String) {
        let error = #expect(throws: CommandError.self) { try resolve(bytes, overrides) }
        #expect(error?.exitCode == .usage && error?.message.contains(expected) == true, "\(error?.message ?? "")")
        #expect(error?.message.contains("\n") == false)
    }

    /// One output takes two classes as 0 and 1, and the tokens are still checked.
    @Test func textsBecomeOneOutput() throws {
        let text = """
            model: [embedding: {count: 10, width: 4}, last, linear: 1]
            loss: binaryCrossEntropy
            optimizer: sgd
            data: {train: {text: {path: t.csv, vocabulary: 10, length: 2}}}
            batchSize: 2
            steps: 2
            """
        let job = try resolve(text)
        #expect(job.train.target == .values(1) && job.train.tokenCount == 7)
        #expect(job.preprocessing.text?.words == ["be", "no", "not", "or", "to"])
        #expect(throws: CommandError.self) { try resolve(text, ["model.0.embedding.count=6"]) }
        // The validation part's words are unknown.
        #expect(try resolve(text, ["data.validation.split=0.4"]).train.tokenCount ?? 9 < 7)
    }

    /// Metrics see the classes of a position, not those of all positions together.
    @Test func metricsAreOfPositions() throws {
        let job = try resolve(
            bytes,
            [
                "model=[embedding: {count: 5, width: 4}, linear: 5]", "metrics=[confusionMatrix, f1]",
                "data={train: {randomTokens: {count: 4, length: 3, tokens: 5}}}",
            ])
        #expect(job.metrics.sumCount == 25 + 15 && job.plan.metricSumCount == job.metrics.sumCount)
    }

    /// Without shuffling a batch is what stands in the file.
    @Test func unshuffledDataComeInFileOrder() throws {
        let job = try resolve(bytes, ["shuffle=false", "data.train.bytes.stride=1", "data.train.bytes.to=1"])
        var read: [Float] = []
        for step in 1...2 {
            for sample in job.order.samples(step: step, positions: 0..<2) {
                var input = [Float](repeating: 0, count: 3)
                var target = [Int32](repeating: 0, count: 3)
                job.readForTraining(sample, epoch: 1, input: &input, target: &target)
                read.append(input[0])
            }
        }
        #expect(read == Array("labe".utf8).map { Float($0) })
    }
}
