import LockstepFormats
import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

extension ExecutableTests {
    /// A run that is told to end.
    @Suite(.enabled(if: ProcessTable.isAvailable)) struct EndingTests {
        private func start(in directory: TestDirectory, workers: Int = 2) async throws -> RunningProcess {
            try directory.write(SmallJob.endless, to: "job.yaml")
            let process = directory.start(["train", "job.yaml", "--workers", "\(workers)", "--json"])
            _ = try await process.outputLine(containing: "\"step\":10,")
            return process
        }

        @Test func interruptEndsWithoutAVerdict() async throws {
            try await TestDirectory.with { directory in
                let launcher = try await start(in: directory)
                try await launcher.signal(Signal.interrupt)
                let outcome = try await launcher.outcome(within: .promised(10))
                #expect(outcome.end == .exited(130), "\(outcome)")
                #expect(!outcome.errorText.contains("lost"), "\(outcome)")
                #expect(!outcome.output.contains { $0.contains("finished") })
                #expect(try await directory.processesLeft(after: .promised(2)).isEmpty)
            }
        }

        /// Expects a snapshot of S(N), the same bits as a run of exactly N steps has.
        private func expectSnapshot(in directory: TestDirectory, named message: String) async throws {
            let snapshots = "runs/job/latest/snapshots"
            let names = try FileManager.default.contentsOfDirectory(atPath: directory[snapshots])
            let name = try #require(names.first)
            #expect(names.count == 1 && message.contains(name), "\(message)")
            let steps = try #require(Int(name.dropFirst("step-".count)))
            let kept = try StateDigests("\(snapshots)/\(name)", in: directory)
            let result = try await directory.train("job.yaml", "--set", "steps=\(steps)", "--workers", "1")
            #expect(kept.digest == result.digest)
            #expect(kept.stateDigest == result.stateDigest)
            #expect(message.contains("S(\(steps))"), "\(message)")
        }

        @Test func terminatedLauncherKeepsTheState() async throws {
            try await TestDirectory.with { directory in
                let launcher = try await start(in: directory)
                // Somebody is about to shake hands, and never will.
                let halfOpen = try TCPConnection(to: directory.coordinatorPort())
                halfOpen.send([0x16, 3, 1, 0, 200])
                try await launcher.signal(Signal.terminate)
                let outcome = try await launcher.outcome(within: .promised(5))
                #expect(outcome.end == .exited(75), "\(outcome)")
                #expect(try await directory.processesLeft(after: .promised(2)).isEmpty)
                #expect(halfOpen.receive().isEmpty, "the connection is closed")
                try await expectSnapshot(in: directory, named: #require(outcome.errors.last))
            }
        }

        @Test func terminatedCoordinatorKeepsTheState() async throws {
            try await TestDirectory.with { directory in
                try directory.write(SmallJob.endless, to: "job.yaml")
                let cluster = try HandCluster(in: directory)
                let coordinator = try await cluster.coordinator(job: "job.yaml", workers: 3)
                let workers = try ["w0", "w1", "w2"].map { try cluster.worker($0, join: coordinator.address) }
                _ = try await coordinator.process.outputLine(containing: "\"step\":10,")
                let halfOpen = try TCPConnection(to: coordinator.port)
                halfOpen.send([0x16, 3, 1, 0, 200])
                try await coordinator.process.signal(Signal.terminate)
                let outcome = try await coordinator.process.outcome(within: .promised(5))
                #expect(outcome.end == .exited(75), "\(outcome)")
                #expect(halfOpen.receive().isEmpty, "the connection is closed")
                for worker in workers {
                    let end = try await worker.outcome(within: .promised(5))
                    #expect(end.exitCode == 75 && end.errors.last?.contains("stopped") == true, "\(end)")
                }
                try await expectSnapshot(in: directory, named: #require(outcome.errors.last))
            }
        }

        @Test func terminatedBeforeTheStart() async throws {
            try await TestDirectory.with { directory in
                try directory.write(SmallJob.endless, to: "job.yaml")
                let cluster = try HandCluster(in: directory)
                let coordinator = try await cluster.coordinator(job: "job.yaml", workers: 2)
                let worker = try cluster.worker("w0", join: coordinator.address)
                _ = try await coordinator.process.errorLine(containing: "worker w0 is here")
                try await coordinator.process.signal(Signal.terminate)
                let outcome = try await coordinator.process.outcome(within: .promised(5))
                #expect(
                    outcome.end == .exited(75) && outcome.errors.last?.contains("no snapshot") == true, "\(outcome)")
                #expect(try await worker.outcome(within: .promised(5)).exitCode == 75)
            }
        }

        private static let steady = SmallJob.steady(steps: 300)

        /// The state that is held while the run is paused is a state like any other.
        @Test func terminatedWhilePaused() async throws {
            try await TestDirectory.with { directory in
                try directory.write(EndingTests.steady, to: "job.yaml")
                let cluster = try HandCluster(in: directory)
                let slow = try PlannedFaults(["slow=20:load:w0"], in: directory)
                let coordinator = try await cluster.coordinator(
                    job: "job.yaml", workers: 2, ["--min-workers", "2", "--run-directory", "run"])
                let workers = try (0..<2).map {
                    try cluster.worker("w\($0)", join: coordinator.address, environment: slow.environment)
                }
                _ = try await coordinator.process.outputLine(containing: "\"step\":20,")
                try await workers[1].signal(Signal.kill)
                _ = try await coordinator.process.errorLine(containing: "the run is paused: ")
                let paused = try await directory.run(["status", "run"])
                #expect(paused.output.first?.contains(/: paused for \d+:\d\d$/) == true, "\(paused)")
                #expect(
                    paused.output.contains { $0.hasPrefix("paused    ") && $0.contains("1 of at least 2") }, "\(paused)"
                )
                try await coordinator.process.signal(Signal.terminate)
                let outcome = try await coordinator.process.outcome(within: .promised(5))
                #expect(outcome.end == .exited(75), "\(outcome)")
                #expect(try await workers[0].outcome(within: .promised(5)).exitCode == 75)
                try await expectNoLossOfSteps(in: directory, outcome)
            }
        }

        @Test(arguments: [Signal.terminate, Signal.interrupt])
        func endedWhileAnObserverIsFed(signal: Int32) async throws {
            try await TestDirectory.with { directory in
                try directory.write(EndingTests.steady, to: "job.yaml")
                let cluster = try HandCluster(in: directory)
                // Whoever comes last is the spare; one of these two is a member.
                let slow = try PlannedFaults(["slow=20:load:w0", "slow=20:load:w1"], in: directory)
                let coordinator = try await cluster.coordinator(
                    job: "job.yaml", workers: 2, ["--spares", "1", "--run-directory", "run"])
                let workers = try (0..<3).map {
                    try cluster.worker("w\($0)", join: coordinator.address, environment: slow.environment)
                }
                _ = try await coordinator.process.errorLine(containing: "and is kept as a spare")
                try await coordinator.process.signal(signal)
                let outcome = try await coordinator.process.outcome(within: .promised(5))
                guard signal == Signal.terminate else {
                    #expect(outcome.end == .exited(130), "\(outcome)")
                    for worker in workers {
                        try await worker.signal(Signal.kill)
                        _ = try await worker.outcome()
                    }
                    return
                }
                #expect(outcome.end == .exited(75), "\(outcome)")
                for worker in workers { #expect(try await worker.outcome(within: .promised(5)).exitCode == 75) }
                try await expectNoLossOfSteps(in: directory, outcome)
            }
        }

        /// Expects a snapshot of the last step that was told, and that the run goes on from there to the undisturbed end.
        private func expectNoLossOfSteps(in directory: TestDirectory, _ outcome: Outcome) async throws {
            let kept = try #require(outcome.errors.last?.firstMatch(of: /S\((\d+)\) is kept in/), "\(outcome)")
            let told = try directory.jsonLines(of: "run/metrics.jsonl").last?["step"]?.int ?? 0
            #expect(Int(kept.1) == told, "\(outcome)")
            let rest = try await directory.run(
                ["train", "job.yaml", "--json", "--workers", "2", "--run-directory", "run", "--resume"])
            let (result, whole) = (try TrainingResult(rest), try await Undisturbed.run(EndingTests.steady))
            #expect(result.digest == whole.result.digest && result.stateDigest == whole.result.stateDigest)
            #expect(try directory.reportedSteps() == whole.steps)
        }
    }
}
