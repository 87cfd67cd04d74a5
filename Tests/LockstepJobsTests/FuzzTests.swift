import LockstepCore
import LockstepTestSupport
import Testing

@testable import LockstepJobs

/// Job files by the thousand, each damaged: taken or refused in one line.
@Suite struct FuzzTests {
    private static let job = """
        name: small
        model:
          - conv1: {conv2D: {outputs: 4, kernel: 3, padding: 1}}
          - relu
          - maxPool2D: 2
          - flatten
          - drop: {dropout: 0.5}
          - linear: 10
        loss: {softmaxCrossEntropy: {labelSmoothing: 0.1}}
        optimizer: {adamW: {learningRate: {cosine: {from: 0.01, warmUpSteps: 2}}}}
        data:
          train: {csv: {path: a.csv, label: y}}
          validation: {split: 0.1}
        metrics: [accuracy, {topK: 2}]
        clipping: {norm: 1.0}
        earlyStopping: {patience: 3}
        snapshots: {everySteps: 10, keep: 2}
        batchSize: 16
        epochs: 2
        seed: 11
        """

    @Test func jobFiles() throws {
        let words = [
            "&a ", "*a", "!!binary", "{", "}", "[", "]", ": ", "- ", "\n", "\t", "---", "...", "<<: *a", "|", "1e999",
            "9223372036854775808", "-1", "nan", "model", "linear", "dropout", "csv", "\u{FEFF}",
        ]
        try Fuzzer("job file", samples: [Array(FuzzTests.job.utf8)], dictionary: words)
            .run(2000, refusing: CommandError.self) { bytes in
                let text = String(decoding: bytes, as: UTF8.self)
                do throws(CommandError) {
                    _ = try JobFile(
                        JobSource(fileName: "job.yaml", fileDirectory: "/d", currentDirectory: "/d", text: text))
                } catch {
                    guard error.exitCode == .usage, !error.message.contains("\n") else {
                        throw FuzzFlaw("not one line of usage: \(error.message)")
                    }
                    throw error
                }
            }
    }

    /// Aliases that double at each level, which would fill memory if they were written out.
    @Test func aliasesDoNotMultiply() throws {
        var text = "a0: &a0 [x, x]\n"
        for level in 1...40 { text += "a\(level): &a\(level) [*a\(level - 1), *a\(level - 1)]\n" }
        #expect(throws: CommandError.self) {
            try JobFile(JobSource(fileName: "job.yaml", fileDirectory: "/d", currentDirectory: "/d", text: text))
        }
    }
}
