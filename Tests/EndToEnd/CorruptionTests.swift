#if LOCKSTEP_FAILPOINTS
import LockstepFormats
import Testing

extension ExecutableTests {
    /// A bit that flips in a replica's state is found before it is applied, and the run ends as if it had not.
    @Suite struct CorruptionTests {
        private static let job = SmallJob.steady(steps: 120, snapshotsEvery: 20)

        private func train(in directory: TestDirectory, workers: Int) async throws -> Outcome {
            try directory.write(CorruptionTests.job, to: "job.yaml")
            // Not before a snapshot is whole.
            let faults = try PlannedFaults(["flip-parameter=110:w1", "slow=100:load:w0"], in: directory)
            let process = directory.start(
                ["train", "job.yaml", "--json", "--workers", "\(workers)", "--threads", "1", "--run-directory", "run"],
                environment: faults.environment)
            try await directory.until("a snapshot") {
                directory.contents.contains { $0.hasPrefix("run/snapshots/step-") }
            }
            try faults.proceed()
            let outcome = try await process.outcome()
            try await directory.expectSurvival(outcome, of: CorruptionTests.job)
            return outcome
        }

        /// Two against one: the one is named, and the tensor in which it is.
        @Test func theMinorityIsEvicted() async throws {
            try await TestDirectory.with { directory in
                let outcome = try await train(in: directory, workers: 3)
                let incidents = try directory.incidents()
                #expect(incidents.count == 1, "\(outcome)")
                #expect(
                    outcome.errors.contains { $0.contains("step 109 in worker w1 was damaged: 4.bias (1 element") },
                    "\(outcome)")
                let damage = try #require(try outcome.events.last?["damages"]?.array?.first, "\(outcome)")
                #expect(damage["worker"]?.string == "w1" && damage["tensors"]?.text == #"["4.bias"]"#, "\(damage.text)")
            }
        }

        /// One against one: nobody knows who is right, so both go back to the newest snapshot.
        @Test func twoThatDisagreeGoBack() async throws {
            try await TestDirectory.with { directory in
                let outcome = try await train(in: directory, workers: 2)
                let incidents = try directory.incidents()
                // The last ones may not be whole yet.
                let isSnapshot = incidents.first?.contains(/on from step ([2468]|10)0\b/) == true
                #expect(incidents.count == 1 && isSnapshot, "\(outcome)")
            }
        }
    }
}
#endif
