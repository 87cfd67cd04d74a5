import LockstepFormats
import Testing

extension ExecutableTests {
    /// Who computed and sent what, and what a run leaves behind in its events and files.
    @Suite struct AccountingTests {
        @Test(arguments: [(SmallJob.perceptron, [1, 2, 3, 5, 8]), (SmallJob.ragged, [2, 3, 6, 7])])
        func noWorkerDoesAnothersWork(job: SmallJob, workerCounts: [Int]) async throws {
            try await TestDirectory.with { directory in
                try directory.write(job.text, to: "job.yaml")
                for workers in workerCounts {
                    let result = try await directory.train(
                        "job.yaml", "--workers", "\(workers)", "--links", "1", "--bucket-bytes", "1048576")
                    #expect(result.lanesComputed.map(\.worker) == (0..<workers).map { "w\($0)" })
                    #expect(result.lanesComputed.allSatisfy { $0.count > 0 })
                    #expect(result.lanesComputed.reduce(0) { $0 + $1.count } == job.lanes * job.steps)
                    #expect(result.lanesComputed.allSatisfy { $0.count.isMultiple(of: job.steps) })

                    let prediction = TrafficPrediction(
                        lanes: result.lanesComputed.map { $0.count / job.steps },
                        parameters: try directory.json(of: result.runDirectory + "/run.json")["parameters"])
                    #expect(
                        result.gradientBytesSent.map(\.count) == prediction.bytesPerStep.map { $0 * job.steps },
                        "\(workers) workers")
                }
            }
        }

        @Test func predictionKnowsItsArithmetic() {
            // 3 lanes in one batch of 2 + 1, one tensor of 20 floats, padded to 32: all to all.
            let small = TrafficPrediction(lanes: [2, 1], parameters: [["name": "0.bias", "shape": [20]]])
            #expect(small.bytesPerStep == [4 * 32, 4 * 32])
            // 16,416 floats in 1026 units, more than 32 KiB: slices of 513 units; 1 + 2 lanes are 1 root and 2.
            let large = TrafficPrediction(lanes: [1, 2], parameters: [["name": "0.bias", "shape": [16_405]]])
            #expect(large.bytesPerStep == [4 * (8208 + 8208), 4 * (2 * 8208 + 8208)])
            #expect(TrafficPrediction.rootCount(0..<8, of: 8) == 1)
            #expect(TrafficPrediction.rootCount(1..<7, of: 8) == 4)
            #expect(TrafficPrediction.rootCount(4..<7, of: 7) == 1)
        }

        @Test func eventsAndFilesTellTheSame() async throws {
            try await TestDirectory.with { directory in
                let job = SmallJob.perceptron
                try directory.write(job.text, to: "small.yaml")
                let outcome = try await directory.run(["train", "small.yaml", "--json", "--workers", "2"])
                let result = try TrainingResult(outcome)
                #expect(
                    result.keys == [
                        "event", "steps", "epochs", "digest", "stateDigest", "loss", "metrics", "evaluation",
                        "samplesPerSecond", "seconds", "workers", "incidents", "damages", "generations",
                        "lanesComputed",
                        "lanesAudited", "gradientBytesSent", "runDirectory",
                    ])
                let finished = try outcome.events.last
                #expect(finished?["epochs"]?.int == 3)
                #expect(finished?["workers"]?.int == 2)
                #expect(finished?["incidents"]?.int == 0)
                #expect(finished?["evaluation"]?.object?.members.map(\.key) == ["loss", "accuracy"])

                let steps = try outcome.events("step")
                #expect(try outcome.events.count == steps.count + 1)
                #expect(steps.map { $0["step"]?.int } == Array(1...job.steps))
                #expect(steps.map { $0["epoch"]?.int } == [1, 1, 1, 2, 2, 2, 3, 3, 3])
                let keys = ["step", "epoch", "loss", "metrics", "learningRate", "samplesPerSecond"]
                for step in steps { #expect(step.object?.members.map(\.key) == ["event"] + keys) }
                #expect(steps.allSatisfy { $0["learningRate"]?.double == 0.003 })

                // All batches are full, so the last epoch's mean is the mean of its steps.
                let losses = steps.suffix(3).compactMap { $0["loss"]?.double }
                let mean = losses.reduce(0, +) / 3
                let loss = try #require(finished?["loss"]?.double)
                #expect(losses.count == 3 && abs(loss - mean) < 1e-9 * mean)

                let metrics = try directory.jsonLines(of: result.runDirectory + "/metrics.jsonl")
                let proof = ["generation", "sampleHashes", "epochSampleSum"]
                #expect(metrics.allSatisfy { $0.object?.members.map(\.key) == keys + proof })
                #expect(
                    metrics.map { $0.object?.members.prefix(keys.count).map { $0 } }
                        == steps.map { $0.object?.members.suffix(keys.count).map { $0 } })
                #expect(metrics.allSatisfy { $0["sampleHashes"]?.array?.count == 2 })

                let run = try directory.json(of: result.runDirectory + "/run.json")
                #expect(run["job"]?.string == "small")
                #expect(run["lanes"]?.int == 8)
                #expect(run["seed"]?.string == "7")
                #expect(run["batchSize"]?.int == 32)
                #expect(run["steps"]?.int == job.steps)
                #expect(run["arithmetic"]?.int == 2)
                #expect(run["source"]?["text"]?.string == job.text)
                #expect(run["parameterCount"]?.int == 784 * 24 + 24 + 24 * 10 + 10)
                for key in ["jobDigest", "planDigest"] { #expect(run[key]?.string?.count == 64) }
            }
        }

        @Test func withoutJSONTheResultIsForPeople() async throws {
            try await TestDirectory.with { directory in
                try directory.write(SmallJob.perceptron.text, to: "job.yaml")
                let outcome = try await directory.run(["train", "job.yaml", "--workers", "2"])
                #expect(outcome.end == .exited(0))
                #expect(outcome.output.contains { $0.hasPrefix("digest") && $0.hasSuffix(SmallJob.perceptron.digest) })
                #expect(outcome.output.contains { $0.hasPrefix("test") && $0.contains("accuracy") })
                #expect(!outcome.output.contains { $0.hasPrefix("{") })
                // No terminal, so one line an epoch, with all that the bar would show.
                let lines = outcome.errors.filter { $0.hasPrefix("epoch ") }
                #expect(lines.count == 3, "\(outcome)")
                for word in ["step", "loss", "accuracy", "rate", "samples/s", "left"] {
                    #expect(lines.allSatisfy { $0.contains(word) })
                }
                #expect(outcome.errors == lines, "nothing else is written: \(outcome)")
            }
        }
    }
}
