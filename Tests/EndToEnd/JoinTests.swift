import LockstepFormats
import Testing

extension ExecutableTests {
    /// Workers come while a run goes on.
    @Suite(.enabled(if: ProcessTable.isAvailable)) struct JoinTests {
        private static let job = SmallJob.steady(steps: 400)
        private static let slow = ["slow=20:load:w0", "deadlines=60000"]

        /// Starts a run that is slow from step 20 on, until `PlannedFaults.proceed`, and takes nobody for lost who is slow too.
        private func start(
            in directory: TestDirectory, job: String = job, workers: Int, _ options: String...
        ) async throws -> (HandCluster, HandCluster.Coordinator, [RunningProcess]) {
            try directory.write(job, to: "job.yaml")
            let cluster = try HandCluster(in: directory)
            let environment = try PlannedFaults(JoinTests.slow, in: directory).environment
            let coordinator = try await cluster.coordinator(
                job: "job.yaml", workers: workers, ["--run-directory", "run"] + options, environment: environment)
            let processes = try (0..<workers).map {
                try cluster.worker("w\($0)", join: coordinator.address, environment: environment)
            }
            _ = try await coordinator.process.outputLine(containing: "\"step\":20,")
            return (cluster, coordinator, processes)
        }

        /// Five come and one leaves in the same second.
        @Test func manyJoinAtOnce() async throws {
            try await TestDirectory.with { directory in
                let (cluster, coordinator, first) = try await start(
                    in: directory, workers: 2, "--set", "traces.sample=1")
                let joiners = try (2..<7).map { try cluster.worker("w\($0)", join: coordinator.address) }
                _ = try await coordinator.process.errorLine(containing: "worker w4 is here")
                try await first[1].signal(Signal.terminate)
                let left = try await first[1].outcome()
                #expect(left.exitCode == 75, "\(left)")
                let names = ["w0"] + (2..<7).map { "w\($0)" }
                try await directory.until("all who came are members") {
                    try directory.rosters().last?.members.sorted() == names
                }
                try PlannedFaults([], in: directory).proceed()
                let outcome = try await coordinator.process.outcome()
                let result = try await directory.expectSurvival(outcome, of: JoinTests.job)
                for name in (2..<7).map({ "w\($0)" }) {
                    let lanes = result.lanesComputed.first { $0.worker == name }
                    #expect((lanes?.count ?? 0) > 0, "\(name) had no part: \(outcome)")
                }
                for joiner in joiners { #expect(try await joiner.outcome().exitCode == 0) }
                // Nothing was lost, so nothing is said of a loss.
                #expect(!outcome.errorText.contains("worker lost"), "\(outcome)")
                #expect(try directory.incidents().isEmpty)
                // So each step was done once, in the newest generation that begins before it.
                let rosters = try directory.rosters()
                for traced in try directory.tracedSteps(of: "w0") {
                    let roster = rosters.last { $0.startStep < traced.step }
                    #expect(traced.generation == roster?.generation, "step \(traced.step)")
                }
            }
        }

        /// Who would compute something else is refused alone, with what differs.
        @Test func anotherDataFileIsRefused() async throws {
            try await TestDirectory.with { directory in
                try directory.writeIDXJob(data: "data/")
                let job = try directory.text(of: "job.yaml").replacing("steps: 4", with: "steps: 400")
                try directory.write(job, to: "job.yaml")
                let cluster = try HandCluster(in: directory)
                let faults = try PlannedFaults(JoinTests.slow, in: directory)
                let coordinator = try await cluster.coordinator(
                    job: "job.yaml", workers: 2, ["--run-directory", "run"], environment: faults.environment)
                let workers = try ["w0", "w1"].map {
                    try cluster.worker($0, join: coordinator.address, environment: faults.environment)
                }
                _ = try await coordinator.process.outputLine(containing: "\"step\":10,")
                let other = IDXFiles.labels((0..<24).map { UInt8(($0 + 1) % 3) })
                try directory.write(other, to: "elsewhere/data/labels")
                try directory.write(try directory.bytes(of: "data/images"), to: "elsewhere/data/images")
                let joiner = try cluster.worker("w2", join: coordinator.address, "--data", "elsewhere")
                let refused = try await joiner.outcome()
                #expect(refused.exitCode == 2 || refused.exitCode == 4, "\(refused)")
                #expect(refused.errors.last?.contains("labels") == true, "\(refused)")
                try faults.proceed()
                let outcome = try await coordinator.process.outcome()
                let result = try TrainingResult(outcome)
                #expect(result.lanesComputed.map(\.worker) == ["w0", "w1"])
                #expect(outcome.errors.contains { $0.contains("w2") && $0.contains("labels") }, "\(outcome)")
                for worker in workers { #expect(try await worker.outcome().exitCode == 0) }
            }
        }

        @Test func belowTheLeastTheRunPauses() async throws {
            try await TestDirectory.with { directory in
                let (cluster, coordinator, workers) = try await start(
                    in: directory, workers: 3, "--min-workers", "2")
                try await workers[1].signal(Signal.kill)
                _ = try await coordinator.process.errorLine(containing: "2 workers go on from step ")
                try await workers[2].signal(Signal.kill)
                let pause = try await coordinator.process.errorLine(containing: "paused")
                #expect(pause.contains("2"), "\(pause)")
                let status = try await directory.status()
                #expect(status["state"]?.string?.contains("paused") == true, "\(status.text)")
                let text = try await directory.run(["status", "run"])
                #expect(text.output.contains { $0.contains("paused") }, "\(text)")
                #expect(!coordinator.process.hasEnded)
                try PlannedFaults([], in: directory).proceed()
                let joiner = try cluster.worker("w5", join: coordinator.address)
                let outcome = try await coordinator.process.outcome()
                try await directory.expectSurvival(outcome, of: JoinTests.job)
                for worker in [workers[0], joiner] { #expect(try await worker.outcome().exitCode == 0) }
            }
        }

        /// A name belongs to the process that lives.
        @Test func twoWithOneName() async throws {
            try await TestDirectory.with { directory in
                let (cluster, coordinator, workers) = try await start(in: directory, workers: 2)
                let second = try cluster.worker("w1", join: coordinator.address)
                let refused = try await second.outcome()
                refused.expectRefusal(exitCode: 4, naming: "another process of this name is connected")
                try PlannedFaults([], in: directory).proceed()
                let outcome = try await coordinator.process.outcome()
                try await directory.expectSurvival(outcome, of: JoinTests.job)
                for worker in workers { #expect(try await worker.outcome().exitCode == 0) }
                #expect(try directory.incidents().isEmpty)
            }
        }
    }
}
