import LockstepFormats
import Testing

extension ExecutableTests {
    /// What one does with a job before, and with a run after the training.
    @Suite struct UseTests {
        /// A table whose columns stand in another order in the test data, with an early stop and a best snapshot.
        private static let job = """
            model: [linear: 8, tanh, dropout: 0.1, linear: 2]
            loss: softmaxCrossEntropy
            metrics: [accuracy, f1, confusionMatrix]
            optimizer: {adam: {learningRate: 0.02}}
            data:
              train: {csv: {path: data/train.csv, label: kind}}
              validation: {split: 0.25}
              test: {csv: {path: data/test.csv, label: kind}}
            batchSize: 19
            lanes: 7
            epochs: 6
            snapshots: {everySteps: 5, keep: 9, best: accuracy}
            seed: 5
            """

        private static func write(to directory: TestDirectory) throws {
            func rows(_ range: Range<Int>) -> [(x: Int, y: Int, colour: String, kind: String)] {
                range.map { index in
                    let (x, y) = (index * 37 % 101, index * 53 % 97)
                    return (x, y, index % 3 == 0 ? "red" : "blue", (x > 50) == (y > 48) ? "same" : "other")
                }
            }
            let train = rows(0..<90).map { "\($0.x),\($0.y),\($0.colour),\($0.kind)" }
            let test = rows(200..<231).map { "\($0.kind),\($0.colour),\($0.y),\($0.x)" }
            let inputs = rows(200..<231).map { "\($0.colour),\($0.x),\($0.y)" }
            try directory.write((["x,y,colour,kind"] + train).joined(separator: "\n") + "\n", to: "data/train.csv")
            try directory.write((["kind,colour,y,x"] + test).joined(separator: "\n") + "\n", to: "data/test.csv")
            try directory.write((["colour,x,y"] + inputs).joined(separator: "\n") + "\n", to: "inputs.csv")
            try directory.write(UseTests.job, to: "job.yaml")
        }

        /// The lanes and the tree are the training's, so the last digit is.
        @Test func evaluationHasTheDigitsOfTheTrainings() async throws {
            try await TestDirectory.with { directory in
                try UseTests.write(to: directory)
                let trained = try await directory.run([
                    "train", "job.yaml", "--json", "--workers", "3", "--run-directory", "run",
                ])
                let result = try TrainingResult(trained)
                let expected = try #require(try trained.events("finished").first?["evaluation"])
                // The training data is not needed any more.
                try directory.write("x,y,colour,kind\n", to: "data/train.csv")
                let evaluated = try await directory.run(["evaluate", "run", "--at", "\(result.steps)", "--json"])
                #expect(evaluated.end == .exited(0), "\(evaluated)")
                let value = try #require(try evaluated.events.first)
                #expect(value["loss"] == expected["loss"])
                #expect(value["metrics"]?["accuracy"] == expected["accuracy"])
                #expect(value["metrics"]?["f1"] == expected["f1"])
                #expect(value["digest"]?.string == result.digest)
                #expect(value["samples"]?.int == 31)
                let matrix = (value["confusionMatrix"]?.array ?? []).flatMap { ($0.array ?? []).compactMap(\.int) }
                #expect(matrix.count == 4 && matrix.reduce(0, +) == 31)

                let text = try await directory.run(["evaluate", "run"])
                #expect(text.output.contains { $0.hasPrefix("evaluation  loss ") }, "\(text)")
                #expect(text.output.contains { $0.hasPrefix("same ") }, "\(text)")
            }
        }

        @Test func otherDataCanBeEvaluated() async throws {
            try await TestDirectory.with { directory in
                try UseTests.write(to: directory)
                _ = try await directory.train("job.yaml", "--workers", "2", "--run-directory", "run")
                // Relative to where the command runs, not to the job file.
                try directory.write("kind,colour,y,x\nsame,red,90,90\n", to: "other/one.csv")
                let other = try await directory.run([
                    "evaluate", "run", "--json", "--set", "data.test.csv.path=other/one.csv",
                ])
                #expect(try other.events.first?["samples"]?.int == 1, "\(other)")
                let missing = try await directory.run(["evaluate", "run", "--set", "data.test.csv.path=none.csv"])
                missing.expectRefusal(naming: "none.csv")
            }
        }

        @Test func predictionsComeInEveryForm() async throws {
            try await TestDirectory.with { directory in
                try UseTests.write(to: directory)
                _ = try await directory.train("job.yaml", "--workers", "2", "--run-directory", "run")
                let lines = try await directory.run(["predict", "run", "--input", "inputs.csv"])
                #expect(lines.end == .exited(0), "\(lines)")
                let values = try lines.events
                #expect(values.count == 31)
                for name in ["out.json", "out.csv", "out.npy"] {
                    let outcome = try await directory.run(["predict", "run", "--input", "inputs.csv", "--output", name])
                    #expect(outcome.end == .exited(0), "\(outcome)")
                }
                #expect(try directory.json(of: "out.json").array == values)
                let table = try CSVFormat.read(directory.bytes(of: "out.csv"))
                #expect(table.columns == ["input", "class", "other", "same"])
                #expect(table.rowCount == 31)
                let array = try NPYFormat.read(directory.bytes(of: "out.npy"))
                #expect(array.shape == [31, 2])
                for (index, value) in values.enumerated() {
                    let same = try #require(value["probabilities"]?["same"]?.double)
                    let other = try #require(value["probabilities"]?["other"]?.double)
                    #expect((same + other - 1).magnitude < 1e-5)
                    #expect(value["class"]?.string == (same > other ? "same" : "other"))
                    #expect(table.row(index)[1].text == value["class"]?.string)
                    #expect(table.row(index)[3].float == Float(same))
                    #expect(array.float(at: 2 * index + 1) == Float(same))
                }
                // What evaluate counts is what predict guesses.
                let evaluated = try await directory.run(["evaluate", "run", "--json"])
                let truth = try CSVFormat.read(directory.bytes(of: "data/test.csv"))
                let right = values.enumerated().filter { $1["class"]?.string == truth.row($0)[0].text }.count
                #expect(try evaluated.events.first?["metrics"]?["accuracy"]?.double == Double(right) / 31)
            }
        }

        @Test func theBestSnapshotIsUsed() async throws {
            try await TestDirectory.with { directory in
                try UseTests.write(to: directory)
                _ = try await directory.train("job.yaml", "--workers", "2", "--run-directory", "run")
                let listed = try await directory.run(["snapshot", "list", "run", "--json"])
                let steps = try listed.events.flatMap { $0.array ?? [$0] }
                let best = steps.last { $0["best"] != nil && $0["best"] != .null }?["step"]?.int
                let evaluated = try await directory.run(["evaluate", "run", "--json"])
                #expect(best != nil)
                #expect(try evaluated.events.first?["step"]?.int == best, "\(listed) \(evaluated)")
            }
        }

        @Test func damageNeverReachesAModel() async throws {
            try await TestDirectory.with { directory in
                try UseTests.write(to: directory)
                let result = try await directory.train("job.yaml", "--workers", "1", "--run-directory", "run")
                let digits = String(result.steps)
                let snapshot = "run/snapshots/step-" + String(repeating: "0", count: 8 - digits.count) + digits
                var bytes = try directory.bytes(of: snapshot + "/parameters.safetensors")
                bytes[bytes.count - 3] ^= 4
                try directory.write(bytes, to: snapshot + "/parameters.safetensors")
                for command in [["evaluate", "run"], ["predict", "run", "--input", "inputs.csv"]] {
                    let refused = try await directory.run(command + ["--at", digits])
                    refused.expectRefusal(exitCode: 3, naming: "parameters.safetensors", "damaged")
                }
            }
        }

        @Test func mistakesAreNamed() async throws {
            try await TestDirectory.with { directory in
                try UseTests.write(to: directory)
                try await directory.run(["evaluate", "nothing"]).expectRefusal(naming: "nothing")
                try await directory.run(["plan", "job.yaml", "--workers", "8"])
                    .expectRefusal(naming: "--workers 8", "7 lanes")
                _ = try await directory.train("job.yaml", "--workers", "1", "--run-directory", "run")
                try await directory.run(["predict", "run", "--input", "job.yaml"]).expectRefusal(naming: "job.yaml")
                try await directory.run(["predict", "run", "--input", "inputs.csv", "--output", "out.txt"])
                    .expectRefusal(naming: "out.txt", ".npy")
                try await directory.run(["evaluate", "run", "--at", "3"]).expectRefusal(naming: "step 3")
            }
        }

        @Test func planExplainsAJob() async throws {
            try await TestDirectory.with { directory in
                try UseTests.write(to: directory)
                let result = try await directory.train(
                    "job.yaml", "--workers", "3", "--run-directory", "run")
                let text = try await directory.run(["plan", "job.yaml", "--workers", "3"])
                #expect(text.output.contains { $0.hasPrefix("w2 ") }, "\(text)")
                let outcome = try await directory.run(["plan", "job.yaml", "--workers", "3", "--json"])
                let plan = try #require(try outcome.events.first)
                #expect(plan["jobDigest"] == (try directory.json(of: "run/run.json"))["jobDigest"])
                let layers = plan["layers"]?.array ?? []
                #expect(layers.compactMap { $0["kind"]?.string } == ["linear", "tanh", "dropout", "linear"])
                #expect(layers.compactMap { $0["parameters"]?.int }.reduce(0, +) == plan["parameters"]?.int)
                let workers = plan["workers"]?.array ?? []
                #expect(workers.count == 3)
                // Gradients as the run counted them; control records come on top.
                for (worker, sent) in zip(workers, result.gradientBytesSent) {
                    #expect((worker["bytesPerStep"]?.int ?? 0) > sent.count / result.steps)
                }
            }
        }

        @Test func dataInspectShowsColumns() async throws {
            try await TestDirectory.with { directory in
                try UseTests.write(to: directory)
                let outcome = try await directory.run(["data", "inspect", "data/train.csv"])
                #expect(outcome.end == .exited(0), "\(outcome)")
                #expect(outcome.output.contains { $0.contains("90 rows") }, "\(outcome)")
                #expect(outcome.output.contains { $0.hasPrefix("colour: categorical, 2 categories") }, "\(outcome)")
                try await directory.run(["data", "inspect", "none.csv"]).expectRefusal(naming: "none.csv")
            }
        }
    }
}
