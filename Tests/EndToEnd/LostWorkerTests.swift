import LockstepFormats
import Testing

extension ExecutableTests {
    /// A worker is lost: the run ends with exit code 1, one verdict, and nothing left behind.
    @Suite(.enabled(if: ProcessTable.isAvailable)) struct LostWorkerTests {
        /// Starts three workers on a job without end and waits until they are at it.
        private func start(in directory: TestDirectory) async throws -> RunningProcess {
            try directory.write(SmallJob.endless, to: "job.yaml")
            let process = directory.start(["train", "job.yaml", "--workers", "3", "--json", "--threads", "1"])
            _ = try await process.outputLine(containing: "\"step\":10,")
            return process
        }

        /// Expects one verdict, and finds its step.
        private func verdict(in outcome: Outcome) throws -> String {
            #expect(outcome.exitCode == 1, "\(outcome)")
            let verdicts = outcome.errors.filter { $0.hasPrefix("lockstep: ") }
            #expect(verdicts.count == 1, "\(outcome)")
            #expect(!outcome.output.contains { $0.contains("finished") })
            return try #require(verdicts.first)
        }

        @Test func killedWorkerIsNamed() async throws {
            try await TestDirectory.with { directory in
                let launcher = try await start(in: directory)
                let victim = try #require(directory.workers.first)
                Signal.send(Signal.kill, to: victim.processIdentifier)
                let outcome = try await launcher.outcome(within: .seconds(10))
                let verdict = try verdict(in: outcome)
                let pattern = /lockstep: worker (w[0-2]) was lost \((.+) of step (\d+)\): signal 9 \(SIGKILL\)/
                let match = try #require(verdict.wholeMatch(of: pattern), "\(outcome)")
                let stages = ["idle", "load", "forward", "backward", "all-reduce", "control record", "update"]
                #expect(stages.contains(String(match.2)), "\(verdict)")
                // Its last words follow, and are its own.
                let place = try #require(outcome.errors.firstIndex { $0.contains("last lines of \(match.1):") })
                #expect(place + 1 < outcome.errors.count, "\(outcome)")
                for line in outcome.errors[(place + 1)...] where line.contains("worker=") {
                    #expect(line.contains("worker=\(match.1)"))
                }
                #expect(try await directory.processesLeft(after: .seconds(2)).isEmpty)

                // The steps that were reported are in the file, each once.
                let steps = try directory.jsonLines(of: "runs/job/latest/metrics.jsonl").map { $0["step"]?.int }
                #expect(steps == Array(1...max(1, steps.count)))
                #expect(try outcome.events("step").count == steps.count)
                // It had its part in each of these, so that is not where it was lost.
                #expect(try #require(Int(match.3)) >= steps.count, "\(outcome)")
            }
        }

        @Test func workerThatIsToldToEndIsNamed() async throws {
            try await TestDirectory.with { directory in
                let launcher = try await start(in: directory)
                let victim = try #require(directory.workers.last)
                Signal.send(Signal.terminate, to: victim.processIdentifier)
                let outcome = try await launcher.outcome(within: .seconds(10))
                #expect(try verdict(in: outcome).hasSuffix("exit status 75"), "\(outcome)")
                #expect(try await directory.processesLeft(after: .seconds(2)).isEmpty)
            }
        }

        @Test func silentWorkerIsNamed() async throws {
            try await TestDirectory.with { directory in
                let launcher = try await start(in: directory)
                let victim = try #require(directory.workers.first)
                Signal.send(Signal.stop, to: victim.processIdentifier)
                let outcome = try await launcher.outcome(within: .seconds(25))
                #expect(try verdict(in: outcome).contains("no answer for 10 s"), "\(outcome)")
                #expect(try await directory.processesLeft(after: .seconds(2)).isEmpty)
            }
        }

        @Test func workersOfAClusterAreNamedToo() async throws {
            try await TestDirectory.with { directory in
                try directory.write(SmallJob.endless, to: "job.yaml")
                let cluster = try HandCluster(in: directory)
                let coordinator = try await cluster.coordinator(job: "job.yaml", workers: 2)
                let workers = try ["w0", "w1"].map { try cluster.worker($0, join: coordinator.address) }
                _ = try await coordinator.process.outputLine(containing: "\"step\":10,")
                try await workers[1].signal(Signal.kill)
                let outcome = try await coordinator.process.outcome(within: .seconds(10))
                let verdicts = outcome.errors.filter { $0.hasPrefix("lockstep: ") }
                #expect(outcome.exitCode == 1 && verdicts.count == 1, "\(outcome)")
                #expect(verdicts.first?.contains("worker w1 was lost") == true, "\(outcome)")
                // Who is left is told, and ends the same way.
                let other = try await workers[0].outcome(within: .seconds(10))
                #expect(other.exitCode == 1 && other.errors.last?.contains("worker w1 was lost") == true, "\(other)")
            }
        }
    }
}
