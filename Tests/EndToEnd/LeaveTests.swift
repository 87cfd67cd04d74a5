import LockstepFormats
import Testing

extension ExecutableTests {
    /// Workers leave, by a signal or because somebody asks.
    @Suite(.enabled(if: ProcessTable.isAvailable)) struct LeaveTests {
        private static let job = SmallJob.steady(steps: 300)
        private static let slow = ["slow=20:load:w0", "deadlines=60000"]

        @Test func aSignalLetsAWorkerGo() async throws {
            try await TestDirectory.with { directory in
                try directory.write(LeaveTests.job, to: "job.yaml")
                let cluster = try HandCluster(in: directory)
                let faults = try PlannedFaults(LeaveTests.slow, in: directory)
                let coordinator = try await cluster.coordinator(
                    job: "job.yaml", workers: 3, ["--run-directory", "run"], environment: faults.environment)
                let workers = try (0..<3).map {
                    try cluster.worker("w\($0)", join: coordinator.address, environment: faults.environment)
                }
                _ = try await coordinator.process.outputLine(containing: "\"step\":30,")
                try await workers[2].signal(Signal.terminate)
                let left = try await workers[2].outcome()
                #expect(left.exitCode == 75, "\(left)")
                try faults.proceed()
                let outcome = try await coordinator.process.outcome()
                let result = try await directory.expectSurvival(outcome, of: LeaveTests.job)
                // It had its part in what it did, and nothing is done again.
                #expect((result.lanesComputed.first { $0.worker == "w2" }?.count ?? 0) > 0, "\(outcome)")
                #expect(try directory.incidents().isEmpty)
                #expect(!outcome.errorText.contains("worker lost"), "\(outcome)")
            }
        }

        /// A coordinator that is stopped neither lets a worker go nor says that it closes its connections.
        @Test func theGraceHoldsWhateverTheCoordinatorDoes() async throws {
            try await TestDirectory.with { directory in
                try directory.write(LeaveTests.job, to: "job.yaml")
                let cluster = try HandCluster(in: directory)
                let faults = try PlannedFaults(["slow=20:load:w0"], in: directory)
                let coordinator = try await cluster.coordinator(job: "job.yaml", workers: 1)
                let worker = try cluster.worker(
                    "w0", join: coordinator.address, "--grace", "8s", environment: faults.environment)
                _ = try await coordinator.process.outputLine(containing: "\"step\":20,")
                try await coordinator.process.signal(Signal.stop)
                try await worker.signal(Signal.terminate)
                let left = try await worker.outcome(within: .promised(8))
                #expect(left.exitCode == 75, "\(left)")
                try await coordinator.process.signal(Signal.kill)
                _ = try await coordinator.process.outcome()
            }
        }

        @Test func aWorkerIsDrained() async throws {
            try await TestDirectory.with { directory in
                try directory.write(LeaveTests.job, to: "job.yaml")
                let faults = try PlannedFaults(LeaveTests.slow, in: directory)
                let launcher = directory.start(
                    ["train", "job.yaml", "--workers", "2", "--json", "--threads", "1", "--run-directory", "run"],
                    environment: faults.environment)
                _ = try await launcher.outputLine(containing: "\"step\":20,")
                let unknown = try await directory.run(["drain", "run", "--worker", "w7"])
                unknown.expectRefusal(naming: "w7")
                let drained = try await directory.run(["drain", "run", "--worker", "w1"])
                #expect(drained.end == .exited(0), "\(drained)")
                #expect(try await directory.status()["workers"]?.array?.count == 1)
                // Nobody would be left to train.
                let last = try await directory.run(["drain", "run", "--worker", "w0"])
                #expect(last.end != .exited(0) && last.errorText.contains("w0"), "\(last)")
                try faults.proceed()
                // What left on request is not replaced.
                let outcome = try await launcher.outcome()
                let result = try await directory.expectSurvival(outcome, of: LeaveTests.job)
                #expect(result.lanesComputed.count == 2)
                #expect(try directory.incidents().isEmpty)
            }
        }
    }
}
