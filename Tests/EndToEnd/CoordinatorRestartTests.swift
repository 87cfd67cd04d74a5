import LockstepFormats
import Testing

extension ExecutableTests {
    /// The coordinator dies and is started again on its run directory.
    @Suite(.enabled(if: ProcessTable.isAvailable)) struct CoordinatorRestartTests {
        private static let job = SmallJob.steady(steps: 300, snapshotsEvery: 50)

        private func coordinator(
            of cluster: HandCluster, listen: String, faults: PlannedFaults? = nil
        ) async throws -> HandCluster.Coordinator {
            try await cluster.coordinator(
                job: "job.yaml", workers: 3, ["--run-directory", "run"], listen: listen,
                environment: faults?.environment ?? [:])
        }

        /// A healthy roster is taken over as it is: no step waits, no generation is begun.
        @Test func aHealthyRosterIsAdopted() async throws {
            try await TestDirectory.with { directory in
                try directory.write(CoordinatorRestartTests.job, to: "job.yaml")
                let cluster = try HandCluster(in: directory)
                let faults = try PlannedFaults(["slow=60:load:w0", "deadlines=60000"], in: directory)
                let address = "127.0.0.1:\(try TCPListener.freePort())"
                let first = try await coordinator(of: cluster, listen: address, faults: faults)
                let workers = try (0..<3).map {
                    try cluster.worker("w\($0)", join: address, environment: faults.environment)
                }
                _ = try await first.process.outputLine(containing: "\"step\":60,")
                try await first.process.signal(Signal.kill)
                _ = try await first.process.outcome()
                let second = try await coordinator(of: cluster, listen: address, faults: faults)
                // One directory has one coordinator.
                let third = try await directory.run([
                    "coordinator", "job.yaml", "--listen", "127.0.0.1:0", "--identity", "c0", "--run-directory", "run",
                ])
                #expect(third.end == .exited(75), "\(third)")
                try faults.proceed()
                let outcome = try await second.process.outcome()
                try await directory.expectSurvival(outcome, of: CoordinatorRestartTests.job)
                for worker in workers { #expect(try await worker.outcome().exitCode == 0) }
                let generations = try directory.jsonLines(of: "run/metrics.jsonl").compactMap {
                    $0["generation"]?.int
                }
                #expect(generations.count == 300 && Set(generations).count == 1, "\(Set(generations))")
                #expect(try directory.incidents().isEmpty)
            }
        }

        #if LOCKSTEP_FAILPOINTS
        /// Killed when a freeze is on its way, when a roster is journaled and nobody knows, and between two STARTs.
        @Test func killedInTheMidstOfAFreeze() async throws {
            try await TestDirectory.with { directory in
                let faults = try PlannedFaults(
                    [
                        "kill=0:stopping:coordinator", "kill=60:deciding:coordinator", "kill=160:starting:coordinator",
                        "drop-links=30:allReduce:w1", "drop-links=100:forward:w2", "drop-links=200:backward:w0",
                    ], in: directory)
                try directory.write(CoordinatorRestartTests.job, to: "job.yaml")
                let cluster = try HandCluster(in: directory)
                let address = "127.0.0.1:\(try TCPListener.freePort())"
                var running = try await coordinator(of: cluster, listen: address, faults: faults)
                let workers = try (0..<3).map {
                    try cluster.worker("w\($0)", join: running.address, environment: faults.environment)
                }
                for _ in 0..<3 {
                    let outcome = try await running.process.outcome()
                    #expect(outcome.end == .signaled(Signal.kill), "\(outcome)")
                    running = try await coordinator(of: cluster, listen: running.address, faults: faults)
                }
                let outcome = try await running.process.outcome()
                #expect(faults.missing.isEmpty, "\(faults.missing)")
                try await directory.expectSurvival(outcome, of: CoordinatorRestartTests.job)
                for worker in workers { #expect(try await worker.outcome().exitCode == 0) }
            }
        }

        /// Killed while a worker prepares: what it has prepared by then is told to the next coordinator.
        @Test func killedWhileAWorkerPrepares() async throws {
            try await TestDirectory.with { directory in
                try directory.write(CoordinatorRestartTests.job, to: "job.yaml")
                let cluster = try HandCluster(in: directory)
                // A quarter of a second for each, or until it may proceed.
                let faults = try PlannedFaults(
                    Array(repeating: "slow=0:preparing:w0", count: 40), in: directory)
                let address = "127.0.0.1:\(try TCPListener.freePort())"
                let first = try await coordinator(of: cluster, listen: address)
                let workers = try (0..<3).map {
                    try cluster.worker("w\($0)", join: address, environment: faults.environment)
                }
                _ = try await directory.line(of: directory["run/logs/coordinator.log"], containing: "worker w0 is here")
                try await first.process.signal(Signal.kill)
                _ = try await first.process.outcome()
                try faults.proceed()
                let second = try await coordinator(of: cluster, listen: address)
                let outcome = try await second.process.outcome()
                try await directory.expectSurvival(outcome, of: CoordinatorRestartTests.job)
                for worker in workers { #expect(try await worker.outcome().exitCode == 0) }
            }
        }
        #endif

        /// Workers wait for a coordinator that does not come back, so long as they are told.
        @Test func patienceEnds() async throws {
            try await TestDirectory.with { directory in
                try directory.write(CoordinatorRestartTests.job, to: "job.yaml")
                let cluster = try HandCluster(in: directory)
                let first = try await coordinator(of: cluster, listen: "127.0.0.1:0")
                let slow = try PlannedFaults(["slow=20:load:w0"], in: directory).environment
                let workers = try (0..<3).map {
                    try cluster.worker("w\($0)", join: first.address, "--patience", "1s", environment: slow)
                }
                _ = try await first.process.outputLine(containing: "\"step\":20,")
                try await first.process.signal(Signal.kill)
                for worker in workers {
                    let outcome = try await worker.outcome()
                    #expect(outcome.exitCode == 75, "\(outcome)")
                }
                // Everybody is gone: what is on disk is enough.
                let second = try await coordinator(of: cluster, listen: "127.0.0.1:0")
                let others = try (0..<3).map { try cluster.worker("w\($0)", join: second.address) }
                let outcome = try await second.process.outcome()
                try await directory.expectSurvival(outcome, of: CoordinatorRestartTests.job)
                for worker in others { #expect(try await worker.outcome().exitCode == 0) }
            }
        }
    }
}
