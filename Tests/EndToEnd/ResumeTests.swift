import LockstepFormats
import Testing

extension ExecutableTests {
    /// A run that was stopped or killed goes on from a snapshot, and ends as one that was not.
    @Suite(.enabled(if: ProcessTable.isAvailable)) struct ResumeTests {
        private static let job = """
            model: [flatten, linear: 16, relu, drop: {dropout: 0.2}, linear: 10]
            loss: softmaxCrossEntropy
            optimizer: {adamW: {learningRate: {cosine: {from: 0.01, warmUpSteps: 30}}}}
            data:
              train: {glyphs: {count: 1000}}
              test: {glyphs: {count: 100, part: test}}
              validation: {split: 0.1}
            earlyStopping: {patience: 100, restoreBest: true}
            snapshots: {everySteps: 25, keep: 4, best: loss}
            batchSize: 30
            epochs: 40
            seed: 4
            """

        /// Starts a run, or goes on with it, and waits until it has done a step. Then it makes four steps a second, so that
        /// it is not over before it is ended.
        private func start(in directory: TestDirectory, until step: Int, _ options: String...) async throws
            -> RunningProcess
        {
            let process = directory.start(
                ["train", "job.yaml", "--json", "--run-directory", "run"] + options,
                environment: try PlannedFaults(["slow=\(step):load:w0"], in: directory).environment)
            _ = try await process.outputLine(containing: "\"step\":\(step),")
            return process
        }

        /// Kill -9 at several moments, each time with another number of workers afterwards.
        @Test func aKilledRunEndsInTheSameState() async throws {
            try await TestDirectory.with { directory in
                try directory.write(ResumeTests.job, to: "job.yaml")
                let whole = try await directory.train("job.yaml", "--workers", "2", "--run-directory", "whole")
                var process = try await start(in: directory, until: 130, "--workers", "2")
                for (step, workers) in [(400, 3), (700, 1), (1000, 4)] {
                    try await process.signal(Signal.kill)
                    _ = try await process.outcome()
                    #expect(try await directory.processesLeft(after: .promised(5)).isEmpty)
                    process = try await start(in: directory, until: step, "--resume", "--workers", "\(workers)")
                    _ = try await process.errorLine(containing: "resuming after step ")
                }
                try PlannedFaults([], in: directory).proceed()
                let resumed = try TrainingResult(try await process.outcome())
                #expect(resumed == whole)
                // What was told of the way is the same, each step once.
                let lines = try directory.jsonLines(of: "run/metrics.jsonl")
                let expected = try directory.jsonLines(of: "whole/metrics.jsonl")
                #expect(lines.map { $0["step"]?.int } == Array(1...whole.steps))
                #expect(lines.map { $0["loss"]?.text } == expected.map { $0["loss"]?.text })
                #expect(resumed.measurements.last == whole.measurements.last)
                let verified = try await directory.run(["snapshot", "verify", "run"])
                #expect(verified.end == .exited(0), "\(verified)")
            }
        }

        @Test func aStoppedRunGoesOn() async throws {
            try await TestDirectory.with { directory in
                try directory.write(ResumeTests.job, to: "job.yaml")
                let whole = try await directory.train("job.yaml", "--run-directory", "whole")
                let process = try await start(in: directory, until: 60)
                try await process.signal(Signal.terminate)
                let stopped = try await process.outcome()
                #expect(stopped.end == .exited(75), "\(stopped)")
                let resumed = try await directory.train("job.yaml", "--resume", "--run-directory", "run")
                #expect(resumed == whole)
                // A finished run has nothing left to do, and says so.
                let again = try await directory.run(["train", "job.yaml", "--resume", "--run-directory", "run"])
                #expect(again.end == .exited(0) && again.errorText.contains("the run is finished"), "\(again)")
            }
        }

        /// A damaged snapshot never reaches a model: the one before is taken, and the reason is said.
        @Test func damagedSnapshotsArePassedOver() async throws {
            try await TestDirectory.with { directory in
                try directory.write(ResumeTests.job, to: "job.yaml")
                let whole = try await directory.train("job.yaml", "--run-directory", "whole")
                let process = try await start(in: directory, until: 200)
                try await process.signal(Signal.terminate)
                _ = try await process.outcome()
                let steps = directory.contents.filter {
                    $0.hasPrefix("run/snapshots/step-") && !$0.dropFirst(14).contains("/")
                }
                let newest = try #require(steps.max())
                var bytes = try directory.bytes(of: newest + "/parameters.safetensors")
                bytes[bytes.count - 5] ^= 1
                try directory.write(bytes, to: newest + "/parameters.safetensors")
                let verified = try await directory.run(["snapshot", "verify", "run"])
                #expect(verified.end == .exited(3), "\(verified)")
                #expect(
                    verified.output.contains {
                        $0.contains("parameters.safetensors, tensor “") && $0.contains("bytes ")
                    })
                let resumed = directory.start(["train", "job.yaml", "--json", "--resume", "--run-directory", "run"])
                _ = try await resumed.errorLine(containing: "passed over the snapshot of step ")
                #expect(try TrainingResult(try await resumed.outcome()) == whole)
            }
        }

        @Test func anotherJobIsRefused() async throws {
            try await TestDirectory.with { directory in
                try directory.write(SmallJob.perceptron.text, to: "job.yaml")
                _ = try await directory.train("job.yaml", "--run-directory", "run")
                let other = try await directory.run(
                    ["train", "job.yaml", "--resume", "--run-directory", "run", "--set", "seed=9"])
                #expect(other.end == .exited(2) && other.errorText.contains("another job"), "\(other)")
                let none = try await directory.run(["train", "job.yaml", "--resume", "--run-directory", "nowhere"])
                #expect(none.end == .exited(2) && none.errorText.contains("no run to resume"), "\(none)")
            }
        }

        @Test func twoCoordinatorsDoNotShareADirectory() async throws {
            try await TestDirectory.with { directory in
                try directory.write(SmallJob.endless, to: "job.yaml")
                let first = try await start(in: directory, until: 10)
                let second = try await directory.run(["train", "job.yaml", "--resume", "--run-directory", "run"])
                #expect(second.end == .exited(75), "\(second)")
                try await first.signal(Signal.interrupt)
                _ = try await first.outcome()
            }
        }
    }
}
