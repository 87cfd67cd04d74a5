import LockstepWire
import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

extension ExecutableTests {
    /// Who must not take part is told so at once, and disturbs nobody.
    @Suite struct IdentityTests {
        /// Expects that a worker ends with exit code 4 and a reason, which the coordinator's log has too.
        private func expectRefused(
            _ worker: RunningProcess, by coordinator: HandCluster.Coordinator, naming words: String...
        ) async throws {
            let outcome = try await worker.outcome()
            #expect(outcome.exitCode == 4, "\(outcome)")
            let line = try #require(outcome.errors.last)
            #expect(line.hasPrefix("lockstep: "), "\(outcome)")
            for word in words { #expect(line.contains(word), "“\(word)” is due: \(outcome)") }
            // Once: nobody tries again what was refused.
            _ = try await coordinator.process.errorLine(containing: words[0])
            let refusals = coordinator.process.errors.filter { line in
                line.contains("refused") && words.allSatisfy { line.contains($0) }
            }
            #expect(refusals.count == 1, "\(coordinator.process)")
        }

        @Test func strangersAreRefusedWhileAGoodRunGoesOn() async throws {
            try await TestDirectory.with { directory in
                try directory.write(SmallJob.perceptron.text, to: "job.yaml")
                let cluster = try HandCluster(in: directory)
                let coordinator = try await cluster.coordinator(job: "job.yaml", workers: 2)
                let first = try cluster.worker("w0", join: coordinator.address)
                _ = try await coordinator.process.errorLine(containing: "worker w0 is here")

                let stranger = try Authority(cluster: "demo")
                _ = try stranger.issue(role: .worker, name: "w1", into: directory["stranger"])
                try await expectRefused(
                    cluster.worker("w1", join: coordinator.address, identity: "stranger"), by: coordinator,
                    naming: "another authority")

                // Issued by the cluster itself, whose clock went wrong.
                let past = Date(timeIntervalSinceNow: -10 * 86400)
                _ = try cluster.authority.issue(
                    role: .worker, name: "w1", days: 1, into: directory["expired"], now: past)
                try await expectRefused(
                    cluster.worker("w1", join: coordinator.address, identity: "expired"), by: coordinator,
                    naming: "expired")

                let twin = try cluster.worker("w0", join: coordinator.address)
                let number = try await first.processIdentifier()
                try await expectRefused(twin, by: coordinator, naming: "process \(number) on ")

                // Nobody was disturbed by all this.
                let second = try cluster.worker("w1", join: coordinator.address)
                let result = try await TrainingResult(coordinator.process.outcome())
                #expect(result.digest == SmallJob.perceptron.digest)
                for worker in [first, second] { #expect(try await worker.outcome().exitCode == 0) }
            }
        }

        @Test func aNameInUseIsRefused() async throws {
            try await TestDirectory.with { directory in
                try directory.write(SmallJob.endless, to: "job.yaml")
                let cluster = try HandCluster(in: directory)
                let coordinator = try await cluster.coordinator(job: "job.yaml", workers: 2)
                let workers = try ["w0", "w1"].map { try cluster.worker($0, join: coordinator.address) }
                _ = try await coordinator.process.outputLine(containing: "\"step\":5,")

                let number = try await workers[1].processIdentifier()
                try await expectRefused(
                    cluster.worker("w1", join: coordinator.address), by: coordinator, naming: "process \(number) on ")

                let steps = coordinator.process.output.count
                _ = try await coordinator.process.outputLine(containing: "\"step\":\(steps + 5),")
                try await coordinator.process.signal(Signal.terminate)
                #expect(try await coordinator.process.outcome().exitCode == 75)
                for worker in workers { #expect(try await worker.outcome().exitCode == 75) }
            }
        }

        @Test func workersRefuseACoordinatorThatIsNone() async throws {
            try await TestDirectory.with { directory in
                try directory.write(SmallJob.perceptron.text, to: "job.yaml")
                let cluster = try HandCluster(in: directory)
                let coordinator = try await cluster.coordinator(job: "job.yaml", workers: 1)
                let stranger = try Authority(cluster: "demo")
                _ = try stranger.issue(role: .worker, name: "w0", into: directory["w0"])
                // A worker of another cluster does not even tell the coordinator who it is.
                let outcome = try await cluster.worker("w0", join: coordinator.address).outcome()
                #expect(outcome.exitCode == 4, "\(outcome)")
                try await coordinator.process.signal(Signal.interrupt)
                #expect(try await coordinator.process.outcome().end == .exited(130))
            }
        }
    }
}
