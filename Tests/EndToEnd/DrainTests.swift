import LockstepFormats
import Testing

extension ExecutableTests {
    /// `lockstep drain` where it has nothing to do, or less than one thinks.
    @Suite(.enabled(if: ProcessTable.isAvailable)) struct DrainTests {
        private static let job = SmallJob.steady(steps: 300)

        private func start(_ directory: TestDirectory, _ options: String...) async throws -> (
            launcher: RunningProcess, faults: PlannedFaults
        ) {
            try directory.write(DrainTests.job, to: "job.yaml")
            let faults = try PlannedFaults(
                ["slow=20:load:w0", "slow=20:load:w1", "deadlines=60000"], in: directory)
            let launcher = directory.start(
                ["train", "job.yaml", "--json", "--threads", "1", "--run-directory", "run"] + options,
                environment: faults.environment)
            return (launcher, faults)
        }

        private func drain(_ directory: TestDirectory, _ worker: String) async throws -> Outcome {
            try await directory.run(["drain", "run", "--worker", worker])
        }

        /// The last member goes where someone follows the run: that one takes its place.
        @Test func theLastMemberLeavesToItsSpare() async throws {
            try await TestDirectory.with { directory in
                let (launcher, faults) = try await start(directory, "--workers", "1", "--spares", "1")
                let log = directory["run/logs/coordinator.log"]
                _ = try await directory.line(of: log, containing: "and is kept as a spare")
                let workers = try await directory.status()["workers"]?.array ?? []
                let member = try #require(workers.first { $0["role"]?.string == "member" }?["name"]?.string)
                let spare = try #require(workers.first { $0["role"]?.string == "spare" }?["name"]?.string)
                let drained = try await drain(directory, member)
                #expect(drained.end == .exited(0) && drained.output == ["worker \(member) has left; 1 is there still"])
                // Now nobody else holds the state.
                let last = try await drain(directory, spare)
                #expect(last.end == .exited(1) && last.errors.count == 1, "\(last)")
                #expect(last.errorText.contains("worker \(spare) is the last one"), "\(last)")
                let again = try await drain(directory, member)
                again.expectRefusal(naming: "no such worker; there are \(spare)")
                try faults.proceed()
                try await directory.expectSurvival(try await launcher.outcome(), of: DrainTests.job)
                #expect(try directory.incidents().isEmpty)
                let over = try await drain(directory, spare)
                over.expectRefusal(naming: "run: the run is over")
            }
        }

        @Test func aSpareLeavesAtOnce() async throws {
            try await TestDirectory.with { directory in
                let (launcher, faults) = try await start(directory, "--workers", "2", "--spares", "1")
                let log = directory["run/logs/coordinator.log"]
                _ = try await directory.line(of: log, containing: "and is kept as a spare")
                let workers = try await directory.status()["workers"]?.array ?? []
                let spare = try #require(workers.first { $0["role"]?.string == "spare" }?["name"]?.string)
                let drained = try await drain(directory, spare)
                #expect(drained.output == ["worker \(spare) has left; 2 are there still"], "\(drained)")
                try faults.proceed()
                try await directory.expectSurvival(try await launcher.outcome(), of: DrainTests.job)
                #expect(try directory.rosters().count == 1)
            }
        }

        /// Asked twice it leaves once, and both hear of it.
        @Test func whoIsAskedTwiceLeavesOnce() async throws {
            try await TestDirectory.with { directory in
                let (launcher, faults) = try await start(directory, "--workers", "3")
                _ = try await launcher.outputLine(containing: "\"step\":20,")
                async let first = drain(directory, "w2")
                async let second = drain(directory, "w2")
                for outcome in [try await first, try await second] {
                    let isLate = outcome.errorText.contains("no such worker; there are w0, w1")
                    #expect(isLate || outcome.output == ["worker w2 has left; 2 are there still"], "\(outcome)")
                }
                try faults.proceed()
                try await directory.expectSurvival(try await launcher.outcome(), of: DrainTests.job)
                #expect(try directory.rosters().map(\.members) == [["w0", "w1", "w2"], ["w0", "w1"]])
            }
        }

        /// Where the coordinator is killed nobody answers; that does not mean that a worker has left.
        @Test func whereNobodyAnswersNobodyHasLeft() async throws {
            try await TestDirectory.with { directory in
                let (launcher, _) = try await start(directory, "--workers", "2")
                _ = try await launcher.outputLine(containing: "\"step\":20,")
                // It hears of the wish, and cannot heed it.
                for worker in directory.workers { Signal.send(Signal.stop, to: worker.processIdentifier) }
                let waiting = directory.start(["drain", "run", "--worker", "w1"])
                let log = directory["run/logs/coordinator.log"]
                _ = try await directory.line(of: log, containing: "worker w1 wants to leave")
                try await launcher.signal(Signal.kill)
                let outcome = try await waiting.outcome()
                #expect(outcome.end == .exited(75) && outcome.errors.count == 1, "\(outcome)")
                #expect(outcome.errorText.contains("the coordinator has gone"), "\(outcome)")
                _ = try await launcher.outcome()
                for worker in directory.workers { Signal.send(Signal.proceed, to: worker.processIdentifier) }
                let late = try await drain(directory, "w1")
                late.expectRefusal(naming: "run: no coordinator works there")
                #expect(try await directory.processesLeft(after: .promised(5)).isEmpty)
            }
        }
    }
}
