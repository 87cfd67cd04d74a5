import LockstepCore
import LockstepFormats
import Testing

extension ExecutableTests {
    /// Runs that begin with the weights of a file, and what a model with batch normalisation leaves in one.
    @Suite(.enabled(if: ProcessTable.isAvailable)) struct InitializeTests {
        private static let job = """
            model: [flatten, hidden: {linear: 12}, norm: batchNorm1D, relu, output: {linear: 10}]
            loss: softmaxCrossEntropy
            optimizer: {adam: {learningRate: 0.01}}
            data: {train: {glyphs: {count: 90}}}
            batchSize: 24
            lanes: 6
            steps: 7
            seed: 3
            """

        private static let weights = "first/snapshots/step-00000007/parameters.safetensors"

        /// Trains the job, whose last parameters are the weights of the next.
        private func first(in directory: TestDirectory) async throws -> TrainingResult {
            try directory.write(InitializeTests.job, to: "first.yaml")
            try directory.write(
                InitializeTests.job + "\ninitialize: {from: \(InitializeTests.weights)}", to: "job.yaml")
            return try await directory.train("first.yaml", "--run-directory", "first")
        }

        @Test func startsFromWeightsOnAnyNumberOfWorkers() async throws {
            try await TestDirectory.with { directory in
                let first = try await first(in: directory)
                let one = try await directory.train("job.yaml", "--workers", "1")
                #expect(one != first)
                #expect(try await directory.train("job.yaml", "--workers", "4") == one)

                // A worker that has no such file is sent it.
                try directory.write("", to: "other/nothing")
                let cluster = try HandCluster(in: directory)
                let coordinator = try await cluster.coordinator(job: "job.yaml", workers: 2)
                let workers = [
                    try cluster.worker("w0", join: coordinator.address),
                    try cluster.worker("w1", join: coordinator.address, "--data", "other"),
                ]
                #expect(try await TrainingResult(coordinator.process.outcome()) == one)
                for worker in workers { #expect(try await worker.outcome().exitCode == 0) }
            }
        }

        @Test func aRunThatWasStoppedGoesOn() async throws {
            try await TestDirectory.with { directory in
                _ = try await first(in: directory)
                let longer = ["train", "job.yaml", "--json", "--set", "steps=300"]
                let whole = try TrainingResult(try await directory.run(longer))
                // Not over before it is stopped.
                let process = directory.start(
                    longer + ["--run-directory", "run", "--set", "snapshots.everySteps=20"],
                    environment: try PlannedFaults(["slow=60:load:w0"], in: directory).environment)
                _ = try await process.outputLine(containing: "\"step\":60,")
                try await process.signal(Signal.terminate)
                #expect(try await process.outcome().end == .exited(75))
                let resumed = try await directory.run(
                    longer + ["--resume", "--run-directory", "run", "--set", "snapshots.everySteps=20"])
                #expect(try TrainingResult(resumed) == whole)
            }
        }

        @Test func aFileThatDoesNotFitIsRefusedWithAllDifferences() async throws {
            try await TestDirectory.with { directory in
                _ = try await first(in: directory)
                let before = directory.contents
                let outcome = try await directory.run([
                    "train", "job.yaml", "--set", "model.1.hidden.linear=11", "--set", "model.2={other: batchNorm1D}",
                ])
                #expect(outcome.end == .exited(2), "\(outcome)")
                #expect(outcome.errors.first?.hasPrefix("lockstep: job.yaml: initialize: ") == true, "\(outcome)")
                for words in [
                    "hidden.weight: its shape is [12, 784], the model's [11, 784]", "missing: other.running_mean [11]",
                    "not in the model: norm.running_mean [12]", "not in the model: norm.num_batches_tracked []",
                    "output.weight: its shape is [10, 12], the model's [10, 11]",
                ] { #expect(outcome.errors.contains { $0.hasSuffix(words) }, "“\(words)” is due: \(outcome)") }
                #expect(directory.contents == before, "nothing is started or written")
                try await directory.run(["train", "job.yaml", "--set", "initialize.from=nowhere"])
                    .expectRefusal(naming: "nowhere", "No such file")
            }
        }

        @Test func countersOfBatchesStandBesideRunningMeans() async throws {
            try await TestDirectory.with { directory in
                let result = try await first(in: directory)
                let file = try Safetensors(parsing: directory.bytes(of: InitializeTests.weights))
                let counter = try #require(file["norm.num_batches_tracked"])
                #expect(counter.shape == [] && counter.integers == [7])
                #expect(TensorDigest.digest(of: [file.tensors]).description == result.digest)
                let verified = try await directory.run(["snapshot", "verify", "first"])
                #expect(verified.end == .exited(0), "\(verified)")
            }
        }
    }
}
