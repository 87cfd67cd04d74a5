import LockstepFormats
import Testing

extension ExecutableTests {
    /// Texts as data, and what one does with what has learned from them.
    @Suite struct TextTests {
        /// Which byte follows which, learned from a directory and a file.
        private static let job = """
            model: [tokens: {embedding: {count: 256, width: 12}}, hidden: {linear: 24}, relu, output: {linear: 256}]
            loss: softmaxCrossEntropy
            optimizer: {adam: {learningRate: 0.02}}
            data:
              train: {bytes: {paths: [texts/, more.txt], suffixes: [.txt], context: 9, stride: 3}}
              test: {bytes: {paths: [more.txt]}}
            batchSize: 13
            lanes: 5
            steps: 60
            seed: 3
            """

        private static func write(to directory: TestDirectory) throws {
            let rhyme = String(repeating: "abcdefg hijk\n", count: 12)
            try directory.write(rhyme, to: "texts/deep/down/one.txt")
            try directory.write(rhyme, to: "texts/two.txt")
            try directory.write("this is left out", to: "texts/two.md")
            try directory.write(rhyme, to: "more.txt")
            try directory.write(TextTests.job, to: "job.yaml")
        }

        /// The directory lies elsewhere for one worker, which gets it sent.
        @Test func directoriesReachEveryWorker() async throws {
            try await TestDirectory.with { directory in
                try TextTests.write(to: directory)
                let expected = try await directory.train("job.yaml", "--workers", "1")
                #expect(try await directory.train("job.yaml", "--workers", "3") == expected)
                try directory.write("", to: "other/nothing")
                let cluster = try HandCluster(in: directory)
                let coordinator = try await cluster.coordinator(job: "job.yaml", workers: 2)
                let workers = [
                    try cluster.worker("w0", join: coordinator.address),
                    try cluster.worker("w1", join: coordinator.address, "--data", "other"),
                ]
                #expect(try await TrainingResult(coordinator.process.outcome()) == expected)
                for worker in workers { #expect(try await worker.outcome().exitCode == 0) }
            }
        }

        @Test func promptsAreContinued() async throws {
            try await TestDirectory.with { directory in
                try TextTests.write(to: directory)
                _ = try await directory.train("job.yaml", "--workers", "2", "--run-directory", "run")
                func continued(_ arguments: String...) async throws -> [String] {
                    let outcome = try await directory.run(["predict", "run", "--prompt"] + arguments)
                    #expect(outcome.end == .exited(0), "\(outcome)")
                    return outcome.output
                }
                // Every byte but the last of a line has one successor.
                #expect(
                    try await continued("ab", "--length", "36", "--temperature", "0")
                        == ["abcdefg hijk", "abcdefg hijk", "abcdefg hijk"])
                let drawn = try await continued("b", "--length", "60", "--temperature", "3", "--seed", "5")
                #expect(drawn == (try await continued("b", "--length", "60", "--temperature", "3", "--seed", "5")))
                #expect(drawn != (try await continued("b", "--length", "60", "--temperature", "3", "--seed", "6")))
                _ = try await continued(
                    "b", "--length", "60", "--temperature", "3", "--seed", "5", "--output", "out.txt")
                #expect(try directory.bytes(of: "out.txt").count == 61)

                try await directory.run(["predict", "run", "--prompt", ""]).expectRefusal(naming: "--prompt", "empty")
                try await directory.run(["predict", "run"]).expectRefusal(naming: "--input", "--prompt")
                try await directory.run(["predict", "run", "--prompt", "a", "--input", "more.txt"])
                    .expectRefusal(naming: "keep one")
                try await directory.run(["predict", "run", "--input", "more.txt", "--seed", "1"])
                    .expectRefusal(naming: "--prompt")
                try await directory.run(["predict", "run", "--input", "more.txt"]).expectRefusal(naming: "--prompt")
                try await directory.run(["predict", "run", "--prompt", "a", "--temperature=-1"])
                    .expectRefusal(naming: "--temperature")
                try await directory.run(["predict", "run", "--prompt", "a", "--length", "0"])
                    .expectRefusal(naming: "--length")
            }
        }

        /// A model that sees what it shall foretell cannot continue anything.
        @Test func modelsThatLookAheadAreRefused() async throws {
            try await TestDirectory.with { directory in
                try TextTests.write(to: directory)
                let model = """
                    model=[{embedding: {count: 256, width: 8}}, {multiheadAttention: {width: 8, heads: 2, causal: false}}, {linear: 256}]
                    """
                _ = try await directory.train(
                    "job.yaml", "--workers", "1", "--run-directory", "run", "--set", model, "--set", "steps=1")
                try await directory.run(["predict", "run", "--prompt", "a"]).expectRefusal(naming: "looks ahead")
            }
        }

        @Test func linesOfTextAreClassified() async throws {
            try await TestDirectory.with { directory in
                let rows = (0..<60).map { index in
                    index % 2 == 0 ? "\"so good, fine \(index % 7)\",up" : "so bad and poor \(index % 5),down"
                }
                try directory.write((["words,mood"] + rows).joined(separator: "\n") + "\n", to: "train.csv")
                try directory.write(
                    """
                    model: [embedding: {count: 40, width: 6}, meanOverPositions, linear: 2]
                    loss: softmaxCrossEntropy
                    optimizer: {adam: {learningRate: 0.05}}
                    data: {train: {text: {path: train.csv, text: words, label: mood, vocabulary: 40, length: 6}}}
                    batchSize: 12
                    epochs: 12
                    """, to: "job.yaml")
                _ = try await directory.train("job.yaml", "--workers", "2", "--run-directory", "run")
                try directory.write("so GOOD, fine 3\r\nSo poor and bad\n\n", to: "lines.txt")
                try directory.write("x,words\n1,so poor and bad\n2,\"so fine, good\"\n", to: "rows.csv")
                func classes(_ file: String) async throws -> [String?] {
                    let outcome = try await directory.run(["predict", "run", "--input", file])
                    #expect(outcome.end == .exited(0), "\(outcome)")
                    return try outcome.events.map { $0["class"]?.string }
                }
                let lines = try await classes("lines.txt")
                #expect(lines.count == 3 && Array(lines.prefix(2)) == ["up", "down"])
                #expect(try await classes("rows.csv") == ["down", "up"])
                try await directory.run(["predict", "run", "--prompt", "a"]).expectRefusal(naming: "--prompt", "bytes")
            }
        }
    }
}
