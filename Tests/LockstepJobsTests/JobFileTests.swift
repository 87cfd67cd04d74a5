import LockstepCore
import LockstepData
import LockstepEngine
import LockstepModels
import Testing

@testable import LockstepJobs

@Suite struct JobFileTests {
    static let valid = """
        model: [conv2D: {outputs: 4, kernel: 3}, relu, maxPool2D: 2, flatten, output: {linear: 10}]
        loss: softmaxCrossEntropy
        optimizer: {adam: {learningRate: {cosine: {from: 0.001}}}}
        data:
          train: {glyphs: {count: 100}}
          test: {glyphs: {count: 20, part: test}}
        batchSize: 16
        epochs: 2
        seed: 42
        """

    static func source(_ text: String, _ overrides: [String] = []) -> JobSource {
        JobSource(
            fileName: "jobs/my.yaml", fileDirectory: "/jobs", currentDirectory: "/here", text: text,
            overrides: overrides)
    }

    /// The message of a job that must be refused.
    static func refusal(_ text: String, _ overrides: [String] = []) throws -> String {
        do throws(CommandError) {
            let job = try JobFile(source(text, overrides)).job
            Issue.record("accepted: \(job.name)")
            return ""
        } catch {
            #expect(error.exitCode == .usage)
            #expect(!error.message.contains("\n"))
            return error.message
        }
    }

    @Test func readsAJob() throws {
        let job = try JobFile(JobFileTests.source(JobFileTests.valid)).job
        #expect(job.name == "my")
        #expect(job.batchSize == 16)
        #expect(job.lanes == 8)
        #expect(job.seed == 42)
        #expect(job.length == .epochs(2))
    }

    @Test func lanesNeverExceedASmallBatch() throws {
        #expect(try JobFile(JobFileTests.source(JobFileTests.valid, ["batchSize=3"])).job.lanes == 3)
        #expect(try JobFile(JobFileTests.source(JobFileTests.valid, ["lanes=5"])).job.lanes == 5)
    }

    /// Every mistake is one line with the file, the place, the key and a way to mend it.
    @Test(arguments: [
        ("epochs: 2", "epohcs: 2", "jobs/my.yaml:8:1: epohcs: unknown key; did you mean epochs?"),
        ("conv2D:", "conf2D:", "did you mean conv2D?"),
        ("{outputs: 4, kernel: 3}", "{outputs: 4, kernal: 3}", "did you mean kernel?"),
        ("kernel: 3", "kernel: three", "'three' is no whole number"),
        ("kernel: 3", "kernel: 0", "0 is too small; at least 1"),
        ("batchSize: 16", "batchSize: 0", "jobs/my.yaml:7:12: batchSize: 0 is too small; at least 1"),
        ("batchSize: 16\n", "", "a job needs batchSize"),
        ("epochs: 2\n", "", "a job needs epochs or steps"),
        ("epochs: 2", "epochs: 2\nsteps: 3", "epochs and steps are both given"),
        ("loss: softmaxCrossEntropy", "loss: hinge", "it is one of softmaxCrossEntropy"),
        ("adam:", "adma:", "did you mean adam?"),
        ("from: 0.001", "from: -1", "a rate is greater than 0"),
        ("from: 0.001", "from: nan", "'nan' is no number"),
        ("part: test", "part: tset", "it is one of train, "),
        ("{count: 100}", "{count: -5}", "-5 is too small; at least 1"),
        ("seed: 42", "seed: -1", "no whole number of at least 0"),
        ("relu,", "relu: 3,", "relu takes no value"),
        ("seed: 42", "seed: [42", "not YAML"),
        ("seed: 42", "seed: 42\nseed: 43", "not YAML"),
        ("seed: 42", "seed: 42\nname: ../escape", "cannot name a directory"),
    ])
    func refusesMistakes(_ old: String, _ new: String, _ expected: String) throws {
        let text = JobFileTests.valid.replacing(old, with: new)
        #expect(text != JobFileTests.valid)
        let message = try JobFileTests.refusal(text)
        #expect(message.hasPrefix("jobs/my.yaml:"), "\(message)")
        #expect(message.contains(expected), "\(message)")
    }

    @Test func overridesReplaceValues() throws {
        let job = try JobFile(
            JobFileTests.source(
                JobFileTests.valid,
                ["optimizer.adam.learningRate=0.5", "model.0.conv2D.outputs=7", "epochs=9", "name=other"])
        ).job
        #expect(job.name == "other")
        #expect(job.length == .epochs(9))
        #expect(job.optimizer.description.contains("0.5"))

    }

    @Test func overridesMakeGroupsOnTheWay() throws {
        let bare = JobFileTests.valid.replacing("{adam: {learningRate: {cosine: {from: 0.001}}}}", with: "adam")
        let job = try JobFile(JobFileTests.source(bare, ["optimizer.adam.learningRate=0.25"])).job
        #expect(job.optimizer.description.contains("0.25"))
    }

    @Test func wrongOverridesAreNamed() throws {
        #expect(
            try JobFileTests.refusal(JobFileTests.valid, ["epochs"]).hasPrefix("--set epochs: write key.path=value"))
        #expect(try JobFileTests.refusal(JobFileTests.valid, ["epoch=3"]).contains("did you mean epochs?"))
        #expect(try JobFileTests.refusal(JobFileTests.valid, ["model.9=relu"]).contains("is no place in a list"))
        #expect(try JobFileTests.refusal(JobFileTests.valid, ["seed.x=1"]).hasPrefix("--set seed.x=1: "))
    }

    @Test func pathsAreRelativeToWhereTheyAreWritten() throws {
        let text = JobFileTests.valid.replacing("{glyphs: {count: 100}}", with: "{idx: {images: a.gz, labels: /b}}")
        let files = try JobFile(JobFileTests.source(text, ["data.train.idx.images=c/d.gz"])).files
        #expect(files.map(\.name) == ["c/d.gz", "/b"])
        #expect(files.map(\.absolutePath) == ["/here/c/d.gz", "/b"])
        let unchanged = try JobFile(JobFileTests.source(text)).files
        #expect(unchanged.map(\.absolutePath) == ["/jobs/a.gz", "/b"])
    }

    @Test func aSmallFileCannotBecomeALargeTree() throws {
        var text = "a: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1...8 {
            let items = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
            text += "b\(level): &a\(level) [\(items)]\n"
        }
        #expect(try JobFileTests.refusal(text).contains("more than"))
        #expect(try JobFileTests.refusal(String(repeating: "[", count: 60)).contains("jobs/my.yaml:"))
    }

    /// Damaged text is refused or read, and never ends the process.
    @Test func survivesDamage() {
        var generator = Philox(seed: 11, purpose: .shuffle).block([0, 0, 0, 0]).x
        let bytes = Array(JobFileTests.valid.utf8)
        for _ in 0..<400 {
            generator = generator &* 1_664_525 &+ 1_013_904_223
            var damaged = bytes
            damaged[Int(generator >> 8) % bytes.count] = UInt8(truncatingIfNeeded: generator)
            let text = String(decoding: damaged, as: UTF8.self)
            _ = try? JobFile(JobFileTests.source(text))
        }
    }
}
