import Testing

extension ExecutableTests {
    /// Who joins follows the run first, fed by one member; nobody waits for that.
    @Suite(.enabled(if: ProcessTable.isAvailable)) struct ObserverTests {
        private static let job = SmallJob.steady(steps: 300)

        /// A run that goes on slowly from step 20 until it is told to proceed.
        private struct Scene {
            let directory: TestDirectory
            let cluster: HandCluster
            let faults: PlannedFaults
            let coordinator: HandCluster.Coordinator
            let workers: [RunningProcess]

            /// - Parameter slow: a worker that lives on.
            init(_ directory: TestDirectory, workers: Int, slow: String = "w0", _ items: String...) async throws {
                try directory.write(ObserverTests.job, to: "job.yaml")
                self.directory = directory
                let faults = try PlannedFaults(["slow=20:load:\(slow)"] + items, in: directory)
                let cluster = try HandCluster(in: directory)
                let coordinator = try await cluster.coordinator(
                    job: "job.yaml", workers: workers, ["--run-directory", "run"], environment: faults.environment)
                (self.faults, self.cluster, self.coordinator) = (faults, cluster, coordinator)
                self.workers = try (0..<workers).map {
                    try cluster.worker("w\($0)", join: coordinator.address, environment: faults.environment)
                }
                _ = try await coordinator.process.outputLine(containing: "\"step\":20,")
            }

            func join(_ name: String) throws -> RunningProcess {
                try cluster.worker(name, join: coordinator.address, environment: faults.environment)
            }

            func hears(_ text: String) async throws {
                _ = try await coordinator.process.errorLine(containing: text)
            }

            /// Lets the run end, and expects that nothing shows of what happened on the way.
            func end(_ workers: [RunningProcess], rosters: [[String]]) async throws -> Outcome {
                try faults.proceed()
                let outcome = try await coordinator.process.outcome()
                #expect(faults.missing.isEmpty, "\(faults.missing)")
                try await directory.expectSurvival(outcome, of: ObserverTests.job)
                for worker in workers { #expect(try await worker.outcome().exitCode == 0, "\(worker)") }
                #expect(try directory.rosters().map(\.members) == rosters, "\(outcome)")
                return outcome
            }

            /// Expects that a worker had the state when it became a member: nobody sent it a copy in START.
            func expectNoCopy(_ worker: RunningProcess, _ name: String) throws {
                let first = try directory.rosters().first { $0.members.contains(name) }
                #expect(first?.holders.contains(name) == true, "\(String(describing: first))")
                let copies = worker.errors.filter { $0.contains("took S(") }
                #expect(
                    !copies.isEmpty && copies.allSatisfy { $0.contains(" from the feed of ") }, "\(worker)")
            }
        }

        @Test func aJoinerCopiesWhileTheOthersWork() async throws {
            try await TestDirectory.with { directory in
                let scene = try await Scene(directory, workers: 2)
                let joiner = try scene.join("w2")
                try await scene.hears("worker w2 observes; w0 feeds it")
                try await scene.hears("worker w2 has caught up with step ")
                try await scene.hears(": w0, w1, w2")
                let outcome = try await scene.end(
                    scene.workers + [joiner], rosters: [["w0", "w1"], ["w0", "w1", "w2"]])
                try scene.expectNoCopy(joiner, "w2")
                let lanes = try TrainingResult(outcome).lanesComputed.first { $0.worker == "w2" }
                #expect((lanes?.count ?? 0) > 0, "\(outcome)")
                #expect(try directory.incidents().isEmpty)
                #expect(try directory.text(of: "run/traces/coordinator.otlp.jsonl").contains(#""observation""#))
            }
        }

        /// Two come and one leaves, all in one second: nobody is lost, and nobody copies while others wait.
        @Test func twoComeAndOneLeaves() async throws {
            try await TestDirectory.with { directory in
                let scene = try await Scene(directory, workers: 2)
                let joiners = try ["w2", "w3"].map { try scene.join($0) }
                try await scene.hears("worker w2 observes")
                try await scene.workers[1].signal(Signal.terminate)
                #expect(try await scene.workers[1].outcome().exitCode == 75)
                try await scene.hears(": w0, w2, w3")
                try scene.faults.proceed()
                let outcome = try await scene.coordinator.process.outcome()
                try await directory.expectSurvival(outcome, of: ObserverTests.job)
                for (name, joiner) in zip(["w2", "w3"], joiners) {
                    #expect(try await joiner.outcome().exitCode == 0)
                    try scene.expectNoCopy(joiner, name)
                }
                #expect(try directory.incidents().isEmpty && !outcome.errorText.contains("worker lost"), "\(outcome)")
            }
        }

        #if LOCKSTEP_FAILPOINTS
        /// The member that feeds a joiner is killed in the midst of the copy: another one feeds it.
        @Test func theSourceIsKilledInTheMidstOfACopy() async throws {
            try await TestDirectory.with { directory in
                let scene = try await Scene(directory, workers: 3, slow: "w2", "kill=21:feeding:w0")
                let joiner = try scene.join("w3")
                try await scene.hears("worker lost: w0")
                try await scene.hears("2 workers go on from step ")
                try await scene.hears(": w1, w2, w3")
                let outcome = try await scene.end(
                    [scene.workers[1], scene.workers[2], joiner],
                    rosters: [["w0", "w1", "w2"], ["w1", "w2"], ["w1", "w2", "w3"]])
                try scene.expectNoCopy(joiner, "w3")
                #expect(try directory.incidents().count == 1, "\(outcome)")
            }
        }

        /// Who only observes is no loss: no step waits for it, no generation begins.
        @Test func anObserverIsKilled() async throws {
            try await TestDirectory.with { directory in
                let scene = try await Scene(directory, workers: 2, "kill=21:observing:w2")
                let victim = try scene.join("w2")
                #expect(try await victim.outcome().end == .signaled(Signal.kill))
                #expect(try directory.rosters().count == 1)
                let second = try scene.join("w2")
                try await scene.hears(": w0, w1, w2")
                let outcome = try await scene.end(
                    scene.workers + [second], rosters: [["w0", "w1"], ["w0", "w1", "w2"]])
                try scene.expectNoCopy(second, "w2")
                #expect(try directory.incidents().isEmpty && !outcome.errorText.contains("worker lost"), "\(outcome)")
            }
        }
        #endif
    }
}
