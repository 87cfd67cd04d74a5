import Testing

extension ExecutableTests {
    /// A job that is wrong: exit code 2, one line that names the place and the way to mend it, nothing started.
    @Suite struct JobRefusalTests {
        /// Something wrong, beside a good `job.yaml` over glyphs.
        struct Case: Sendable, CustomTestStringConvertible {
            let testDescription: String
            let arguments: [String]
            let words: [String]
            var files: [String: String] = [:]
            var environment: [String: String] = [:]

            init(
                _ name: String, _ arguments: [String], naming words: [String], files: [String: String] = [:],
                environment: [String: String] = [:]
            ) {
                testDescription = name
                self.arguments = arguments
                self.words = words
                self.files = files
                self.environment = environment
            }
        }

        static let good = SmallJob.perceptron.text

        static let files = [
            Case(
                "unknown key", ["train", "wrong.yaml"], naming: ["wrong.yaml:10:1", "batchsize", "batchSize"],
                files: ["wrong.yaml": good + "\nbatchsize: 3\n"]),
            Case(
                "unknown layer", ["train", "wrong.yaml"], naming: ["wrong.yaml:1:", "rellu", "relu"],
                files: ["wrong.yaml": good.replacing("relu", with: "rellu")]),
            Case(
                "missing key", ["train", "wrong.yaml"], naming: ["wrong.yaml:", "batchSize"],
                files: ["wrong.yaml": good.replacing("batchSize: 32\n", with: "")]),
            Case(
                "a value of the wrong kind", ["train", "wrong.yaml"], naming: ["wrong.yaml:7:12", "batchSize", "many"],
                files: ["wrong.yaml": good.replacing("batchSize: 32", with: "batchSize: many")]),
            Case(
                "a value out of range", ["train", "wrong.yaml"], naming: ["wrong.yaml:3:", "learningRate", "-1"],
                files: ["wrong.yaml": good.replacing("0.003", with: "-1")]),
            Case(
                "a key twice", ["train", "wrong.yaml"], naming: ["wrong.yaml:9:1", "seed"],
                files: ["wrong.yaml": good + "\nseed: 3\n"]),
            Case(
                "no YAML", ["train", "wrong.yaml"], naming: ["wrong.yaml:", "YAML"],
                files: ["wrong.yaml": "model: [flatten\nloss: {"]),
            Case(
                "an empty file", ["train", "wrong.yaml"], naming: ["wrong.yaml:1:1", "empty"], files: ["wrong.yaml": ""]
            ),
            Case("no such file", ["train", "none.yaml"], naming: ["none.yaml", "No such file"]),
            Case(
                "a directory", ["train", "folder"], naming: ["folder", "it is a directory; name a file"],
                files: ["folder/file": ""]
            ),
            Case(
                "control characters", ["train", "wrong.yaml"], naming: ["wrong.yaml", "\\u{"],
                files: ["wrong.yaml": good + "\n\"\\u001B[31mred\\u202E\": 3\n"]),
            Case(
                "a shape that does not fit", ["train", "wrong.yaml"],
                naming: ["wrong.yaml", "conv2D", "31", "smaller kernel"],
                files: ["wrong.yaml": good.replacing("[flatten", with: "[conv2D: {outputs: 2, kernel: 31}, flatten")]),
            Case(
                "a label out of range", ["train", "wrong.yaml"], naming: ["wrong.yaml", "data.train", "label 9", "10"],
                files: ["wrong.yaml": good.replacing("linear: 10", with: "linear: 9")]),
            Case(
                "no samples", ["train", "wrong.yaml"], naming: ["wrong.yaml:5:", "count", "at least 1"],
                files: ["wrong.yaml": good.replacing("count: 96", with: "count: 0")]),
        ]

        static let options = [
            Case("--set without =", ["train", "job.yaml", "--set", "seed"], naming: ["--set seed", "key.path=value"]),
            Case(
                "--set of an unknown key", ["train", "job.yaml", "--set", "sead=3"], naming: ["--set sead=3", "seed"]),
            Case("--set no YAML", ["train", "job.yaml", "--set", "seed=[1"], naming: ["--set seed=[1", "YAML"]),
            Case("too many workers", ["train", "job.yaml", "--workers", "9"], naming: ["--workers 9", "8 lanes"]),
            Case("no workers", ["train", "job.yaml", "--workers", "0"], naming: ["--workers 0", "1 to 8"]),
            Case("no threads", ["train", "job.yaml", "--threads", "0"], naming: ["--threads 0"]),
            Case("no number", ["train", "job.yaml", "--workers", "two"], naming: ["--workers", "two"]),
            Case("an unknown option", ["train", "job.yaml", "--worker", "2"], naming: ["--worker"]),
            Case("an unknown command", ["trian", "job.yaml"], naming: ["trian"]),
            Case("no job", ["train"], naming: ["no job named"]),
            Case(
                "an unknown instruction set", ["train", "job.yaml"], naming: ["LOCKSTEP_ISA", "mmx", "generic"],
                environment: ["LOCKSTEP_ISA": "mmx"]),
        ]

        @Test(arguments: files + options)
        func refusesAtOnce(wrong: Case) async throws {
            try await TestDirectory.with { directory in
                try directory.write(JobRefusalTests.good, to: "job.yaml")
                for (name, text) in wrong.files { try directory.write(text, to: name) }
                let before = directory.contents
                let outcome = try await directory.run(wrong.arguments, environment: wrong.environment)
                outcome.expectRefusal()
                for word in wrong.words { #expect(outcome.errorText.contains(word), "“\(word)” is due: \(outcome)") }
                #expect(directory.contents == before, "nothing is started or written")
            }
        }

        /// The canary: without anything wrong, the same job runs.
        @Test func goodJobIsTaken() async throws {
            try await TestDirectory.with { directory in
                try directory.write(JobRefusalTests.good, to: "job.yaml")
                #expect(try await directory.train("job.yaml").digest == SmallJob.perceptron.digest)
            }
        }
    }
}
