import LockstepFormats
import LockstepWire
import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

extension ExecutableTests {
    /// Workers whose certificates are revoked, and a run that goes on without them.
    @Suite(.enabled(if: ProcessTable.isAvailable)) struct RevocationTests {
        private static let job = SmallJob.steady(steps: 1000)
        private static let revoked = "was revoked"

        private func cluster(in directory: TestDirectory) throws -> HandCluster {
            try directory.write(RevocationTests.job, to: "job.yaml")
            return try HandCluster(
                in: directory, authority: Authority.create(cluster: "demo", directory: directory["authority"]))
        }

        private func revoke(_ wanted: String, in directory: TestDirectory) async throws {
            let outcome = try await directory.run(["identity", "revoke", "--authority", "authority", wanted])
            #expect(outcome.end == .exited(0), "\(outcome)")
        }

        /// A member is cut off, its process refused for good; a new identity of its name comes back.
        @Test func inMidRun() async throws {
            try await TestDirectory.with { directory in
                let cluster = try cluster(in: directory)
                let faults = try PlannedFaults(["slow=20:load:w0", "deadlines=60000"], in: directory)
                let coordinator = try await cluster.coordinator(
                    job: "job.yaml", workers: 3, ["--run-directory", "run", "--denied", "authority/denied.jsonl"],
                    environment: faults.environment)
                let workers = try (0..<3).map {
                    try cluster.worker("w\($0)", join: coordinator.address, environment: faults.environment)
                }
                _ = try await coordinator.process.outputLine(containing: "\"step\":20,")
                let begun = ContinuousClock.now
                try await revoke("w1", in: directory)
                _ = try await coordinator.process.errorLine(containing: "worker lost: w1 (its certificate was revoked")
                let told = try await workers[1].outcome()
                #expect(ContinuousClock.now - begun < .promised(5), "it is cut off, and its process has heard of it")
                #expect(told.exitCode == 4, "\(told)")
                #expect(
                    told.errors.last?.contains("the certificate of lockstep://demo/worker/w1 was revoked") == true,
                    "\(told)")
                let incident = try await coordinator.process.errorLine(containing: "2 workers go on from step ")
                #expect(incident.contains("w1") && incident.contains("its certificate was revoked"), "\(incident)")
                // Who takes the list away lets nobody in again.
                let serial = try directory.jsonLines(of: "authority/denied.jsonl").first?["serial"]?.string ?? "?"
                try FileManager.default.removeItem(atPath: directory["authority/denied.jsonl"])
                _ = try await coordinator.process.errorLine(
                    containing: "denied.jsonl is gone; who was denied stays denied")
                let back = try await cluster.worker("w1", join: coordinator.address).outcome()
                #expect(back.exitCode == 4 && back.errors.last?.contains(RevocationTests.revoked) == true, "\(back)")
                let new = try cluster.worker("w1", join: coordinator.address, identity: "w1-new")
                try await directory.until("w1 is a member again") {
                    try directory.rosters().last?.members.count == 3 && directory.rosters().count > 2
                }
                try faults.proceed()

                let outcome = try await coordinator.process.outcome()
                let result = try await directory.expectSurvival(outcome, of: RevocationTests.job)
                #expect(result.lanesComputed.map(\.worker) == ["w0", "w1", "w2"])
                for worker in [workers[0], workers[2], new] { #expect(try await worker.outcome().exitCode == 0) }
                #expect(try directory.incidents().count == 1)
                // The rosters since then say so to the workers.
                #expect(try directory.text(of: "run/journal").contains("serial:\(serial)"))
            }
        }

        /// The list comes to the coordinator's identity while it waits for workers.
        @Test func beforeTheStart() async throws {
            try await TestDirectory.with { directory in
                let cluster = try cluster(in: directory)
                try directory.write(SmallJob.perceptron.text, to: "job.yaml")
                let coordinator = try await cluster.coordinator(
                    job: "job.yaml", workers: 2, ["--run-directory", "run"])
                try cluster.issue("w0")
                try await revoke("w0", in: directory)
                try directory.write(directory.bytes(of: "authority/denied.jsonl"), to: "c0/denied.new")
                try FileManager.default.moveItem(
                    atPath: directory["c0/denied.new"], toPath: directory["c0/denied.jsonl"])
                _ = try await coordinator.process.errorLine(containing: "revoked, says c0/denied.jsonl: ")
                let refused = try await cluster.worker("w0", join: coordinator.address).outcome()
                #expect(refused.exitCode == 4, "\(refused)")
                #expect(
                    refused.errors.last?.contains("the certificate of lockstep://demo/worker/w0 was revoked") == true)
                let workers = try ["w1", "w2"].map { try cluster.worker($0, join: coordinator.address) }
                let outcome = try await coordinator.process.outcome()
                #expect(try TrainingResult(outcome).digest == SmallJob.perceptron.digest)
                #expect(
                    outcome.errors.contains {
                        $0.contains("refused 127.0.0.1:") && $0.contains(RevocationTests.revoked)
                    })
                for worker in workers { #expect(try await worker.outcome().exitCode == 0) }
            }
        }

        /// It stops in order, and another one goes on; with the old identity it does not start again.
        @Test func theCoordinatorItself() async throws {
            try await TestDirectory.with { directory in
                let cluster = try cluster(in: directory)
                let options = ["--run-directory", "run", "--denied", "authority/denied.jsonl"]
                let coordinator = try await cluster.coordinator(job: "job.yaml", workers: 1, options)
                // The run is not over before it is stopped.
                let slow = try PlannedFaults(["slow=20:load:w0"], in: directory).environment
                let worker = try cluster.worker("w0", join: coordinator.address, environment: slow)
                _ = try await coordinator.process.outputLine(containing: "\"step\":20,")
                try await revoke("c0", in: directory)
                let stopped = try await coordinator.process.outcome()
                #expect(stopped.exitCode == 75, "\(stopped)")
                #expect(
                    stopped.errors.last?.contains("the coordinator's own certificate was revoked; S(") == true,
                    "\(stopped)")
                #expect(try await worker.outcome().exitCode == 75)
                let start = ["coordinator", "job.yaml", "--listen", "127.0.0.1:0", "--workers", "1"] + options
                try await directory.run(start + ["--identity", "c0"]).expectRefusal(
                    exitCode: 4, naming: "the certificate of lockstep://demo/coordinator/c0 was revoked",
                    "authority/denied.jsonl")

                _ = try cluster.authority.issue(role: .coordinator, name: "c0", into: directory["c1"])
                let next = try await HandCluster.Coordinator(
                    directory.start(start + ["--identity", "c1", "--json"]))
                let again = try cluster.worker("w0", join: next.address)
                let result = try await TrainingResult(next.process.outcome())
                let whole = try await Undisturbed.run(RevocationTests.job)
                #expect(result.digest == whole.result.digest && result.stateDigest == whole.result.stateDigest)
                #expect(try directory.reportedSteps() == whole.steps)
                #expect(try await again.outcome().exitCode == 0)
            }
        }

        @Test func listsThatCannotBeRead() async throws {
            try await TestDirectory.with { directory in
                _ = try cluster(in: directory)
                let start = [
                    "coordinator", "job.yaml", "--listen", "127.0.0.1:0", "--identity", "c0", "--run-directory", "run",
                ]
                try await directory.run(start + ["--denied", "none"]).expectRefusal(
                    naming: "--denied none: there is no such file")
                try await directory.run(start + ["--denied", "authority"]).expectRefusal(
                    naming: "authority cannot be read")
                try directory.write("{\"serial\":\"12\"}\n{\"serial\":\n", to: "c0/denied.jsonl")
                try await directory.run(start).expectRefusal(naming: "c0/denied.jsonl line 2: no JSON object", "mend")
                #expect(!directory.contents.contains { $0.hasPrefix("run") })
            }
        }
    }
}
