import LockstepFormats
import Testing

extension ExecutableTests {
    /// Observers that are kept ready, and take the place of who is lost.
    @Suite(.enabled(if: ProcessTable.isAvailable)) struct SpareTests {
        private static let job = SmallJob.steady(steps: 300)

        /// A coordinator and workers started by hand, the last of them a spare. The run goes on slowly until it is told to
        /// proceed.
        private struct Scene {
            let directory: TestDirectory
            let cluster: HandCluster
            let faults: PlannedFaults
            let coordinator: HandCluster.Coordinator
            let workers: [RunningProcess]
            let spare: RunningProcess

            /// - Parameter slow: a worker that lives on.
            init(_ directory: TestDirectory, workers: Int, slow: String) async throws {
                try directory.write(SpareTests.job, to: "job.yaml")
                self.directory = directory
                let faults = try PlannedFaults(["slow=20:load:\(slow)"], in: directory)
                let cluster = try HandCluster(in: directory)
                let coordinator = try await Scene.coordinator(of: cluster, workers: workers)
                (self.faults, self.cluster, self.coordinator) = (faults, cluster, coordinator)
                self.workers = try (0..<workers).map {
                    try cluster.worker("w\($0)", join: coordinator.address, environment: faults.environment)
                }
                _ = try await coordinator.process.outputLine(containing: "\"step\":10,")
                spare = try cluster.worker(
                    "w\(workers)", join: coordinator.address, environment: faults.environment)
                _ = try await coordinator.process.errorLine(containing: "and is kept as a spare")
            }

            static func coordinator(
                of cluster: HandCluster, workers: Int, listen: String = "127.0.0.1:0"
            ) async throws -> HandCluster.Coordinator {
                try await cluster.coordinator(
                    job: "job.yaml", workers: workers, ["--run-directory", "run", "--spares", "1"], listen: listen)
            }

            /// Lets the run end, and expects that nothing shows of what happened on the way.
            func end(
                _ process: RunningProcess, _ workers: [RunningProcess], rosters: [[String]], incidents: Int = 1
            ) async throws {
                try faults.proceed()
                let outcome = try await process.outcome()
                try await directory.expectSurvival(outcome, of: SpareTests.job)
                for worker in workers { #expect(try await worker.outcome().exitCode == 0, "\(worker)") }
                #expect(try directory.rosters().map(\.members) == rosters, "\(outcome)")
                #expect(try directory.incidents().count == incidents, "\(outcome)")
            }
        }

        /// As people start it: a process more than there are workers, and a replacement that is the next spare.
        @Test func theLauncherKeepsSpares() async throws {
            try await TestDirectory.with { directory in
                try directory.write(SpareTests.job, to: "job.yaml")
                // Whoever is a member in the end: it is one of two that are slow, and only one of them is killed.
                let faults = try PlannedFaults(["slow=20:load:w0", "slow=20:load:w1"], in: directory)
                let launcher = directory.start(
                    [
                        "train", "job.yaml", "--workers", "3", "--spares", "1", "--json", "--threads", "1",
                        "--run-directory", "run",
                    ], environment: faults.environment)
                let log = directory["run/logs/coordinator.log"]
                _ = try await directory.line(of: log, containing: "and is kept as a spare")
                let workers = try #require(try await directory.status()["workers"]?.array)
                #expect(workers.map { $0["role"]?.string } == ["member", "member", "member", "spare"])
                let names = workers.compactMap { $0["name"]?.string }
                #expect(names.sorted() == ["w0", "w1", "w2", "w3"])
                let text = try await directory.run(["status", "run"])
                #expect(text.output.contains { $0.contains(" spare ") && $0.contains("fed by ") }, "\(text)")

                let (victim, spare) = (names[1], names[3])
                Signal.send(Signal.kill, to: try await directory.processIdentifier(of: victim))
                _ = try await launcher.errorLine(containing: "; 3 workers go on from step ")
                let next = try #require(try directory.rosters().dropFirst().first)
                #expect(next.members == names.filter { $0 != victim }.sorted())
                #expect(next.holders == next.members, "\(spare) had no copy: \(next)")
                // The process that comes in the victim's place is the spare of the next loss.
                _ = try await directory.line(of: log, containing: "and is kept as a spare", count: 2)
                #expect(try await directory.role(of: victim) == "spare")
                try faults.proceed()

                let outcome = try await launcher.outcome()
                let result = try await directory.expectSurvival(outcome, of: SpareTests.job)
                #expect(result.lanesComputed.map(\.worker) == ["w0", "w1", "w2", "w3"])
                #expect(try directory.incidents().count == 1)
                #expect(try directory.rosters().count == 2)
            }
        }

        /// A spare dies and nobody notices; the next one takes the place of a member.
        @Test func aSpareIsKilled() async throws {
            try await TestDirectory.with { directory in
                let scene = try await Scene(directory, workers: 2, slow: "w1")
                try await scene.spare.signal(Signal.kill)
                _ = try await scene.spare.outcome()
                let second = try scene.cluster.worker("w3", join: scene.coordinator.address)
                _ = try await scene.coordinator.process.errorLine(containing: "worker w3 has caught up")
                #expect(try directory.rosters().count == 1)
                try await scene.workers[0].signal(Signal.kill)
                _ = try await scene.coordinator.process.errorLine(containing: "; 2 workers go on from step ")
                try await scene.end(
                    scene.coordinator.process, [scene.workers[1], second], rosters: [["w0", "w1"], ["w1", "w3"]])
                #expect(try directory.rosters().last?.holders == ["w1", "w3"])
            }
        }

        /// A spare that stands still delays nobody, and follows again when it wakes.
        @Test func aSpareIsStopped() async throws {
            try await TestDirectory.with { directory in
                let scene = try await Scene(directory, workers: 2, slow: "w0")
                try await scene.spare.signal(Signal.stop)
                let step = try #require(try await directory.status()["step"]?.int)
                _ = try await scene.coordinator.process.outputLine(containing: "\"step\":\(step + 12),")
                #expect(try directory.rosters().count == 1)
                try await scene.spare.signal(Signal.proceed)
                try await directory.until("the spare is where the others are") {
                    let workers = try await directory.status()["workers"]?.array ?? []
                    return workers.contains { $0["role"]?.string == "spare" && ($0["step"]?.int ?? 0) > step + 12 }
                }
                try await scene.end(
                    scene.coordinator.process, scene.workers + [scene.spare], rosters: [["w0", "w1"]], incidents: 0)
            }
        }

        /// Nor does it delay those that lose a member meanwhile. When it wakes it takes the place.
        @Test func aMemberIsKilledWhileTheSpareIsStopped() async throws {
            try await TestDirectory.with { directory in
                let scene = try await Scene(directory, workers: 2, slow: "w0")
                try await scene.spare.signal(Signal.stop)
                try await scene.workers[1].signal(Signal.kill)
                _ = try await scene.coordinator.process.errorLine(containing: "; 1 worker goes on from step ")
                let lines = scene.coordinator.process.errors
                #expect(!lines.contains { $0.contains("did not stand still") || $0.contains("lost: w2") }, "\(lines)")
                try await scene.spare.signal(Signal.proceed)
                _ = try await scene.coordinator.process.errorLine(containing: ": w0, w2")
                try await scene.end(
                    scene.coordinator.process, [scene.workers[0], scene.spare],
                    rosters: [["w0", "w1"], ["w0"], ["w0", "w2"]])
            }
        }

        /// Every copy of the state that computes is lost at once; the spare's is the run's.
        @Test func allMembersAreKilled() async throws {
            try await TestDirectory.with { directory in
                let scene = try await Scene(directory, workers: 3, slow: "w0")
                _ = try await scene.coordinator.process.outputLine(containing: "\"step\":22,")
                for worker in scene.workers { try await worker.signal(Signal.kill) }
                _ = try await scene.coordinator.process.errorLine(containing: "1 worker goes on from step ")
                try await scene.end(
                    scene.coordinator.process, [scene.spare], rosters: [["w0", "w1", "w2"], ["w3"]])
                // Not from step 0, and there was no snapshot.
                let last = try #require(try directory.rosters().last)
                #expect(last.holders == ["w3"] && last.startStep >= 21, "\(last)")
            }
        }

        /// The coordinator is killed and started again while somebody observes: the members go on, and so does the spare.
        @Test func theCoordinatorIsKilled() async throws {
            try await TestDirectory.with { directory in
                let scene = try await Scene(directory, workers: 2, slow: "w0")
                try await scene.coordinator.process.signal(Signal.kill)
                _ = try await scene.coordinator.process.outcome()
                let second = try await Scene.coordinator(
                    of: scene.cluster, workers: 2, listen: scene.coordinator.address)
                _ = try await second.process.errorLine(containing: "worker w2 has caught up")
                // It has yet to see whether it reaches all members.
                try await directory.until("w2 is a spare") { try await directory.role(of: "w2") == "spare" }
                #expect(try directory.rosters().count == 1)
                try await scene.workers[1].signal(Signal.kill)
                _ = try await second.process.errorLine(containing: "; 2 workers go on from step ")
                try await scene.end(
                    second.process, [scene.workers[0], scene.spare], rosters: [["w0", "w1"], ["w0", "w2"]])
            }
        }

        @Test(arguments: ["-1", "1025", "many"]) func aWrongNumberIsRefused(spares: String) async throws {
            try await TestDirectory.with { directory in
                try directory.write(SpareTests.job, to: "job.yaml")
                let outcome = try await directory.run(["train", "job.yaml", "--spares=\(spares)"])
                #expect(outcome.exitCode == 2 && outcome.errorText.contains("--spares"), "\(outcome)")
                #expect(!directory.contents.contains("runs"))
            }
        }
    }
}
