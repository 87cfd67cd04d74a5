import LockstepFormats
import Testing

extension ExecutableTests {
    /// Numbers that are none stop a run before the update.
    @Suite struct NotFiniteTests {
        /// Expects exit code 1 and one verdict.
        private func verdict(of outcome: Outcome) throws -> String {
            #expect(outcome.exitCode == 1, "\(outcome)")
            let verdicts = outcome.errors.filter { $0.hasPrefix("lockstep: ") }
            #expect(verdicts.count == 1, "\(outcome)")
            #expect(!outcome.errorText.contains("Fatal error"))
            return try #require(verdicts.first)
        }

        @Test(arguments: [1, 3])
        func tooGreatARate(workers: Int) async throws {
            try await TestDirectory.with { directory in
                try directory.write(SmallJob.endless, to: "job.yaml")
                let outcome = try await directory.run([
                    "train", "job.yaml", "--json", "--workers", "\(workers)", "--set",
                    "optimizer.adam.learningRate=1e30",
                ])
                let verdict = try verdict(of: outcome)
                let match = try #require(verdict.firstMatch(of: /lane (\d+) is not finite in step (\d+)/), "\(outcome)")
                let step = try #require(Int(match.2))
                #expect((0..<8).contains(Int(match.1) ?? -1))
                #expect(verdict.contains("learning rate"))
                // The same steps would end so again.
                #expect(!outcome.errorText.contains("--resume"), "\(outcome)")
                let steps = try directory.jsonLines(of: "runs/job/latest/metrics.jsonl").map { $0["step"]?.int }
                #expect(steps == Array(1..<step), "nothing is told of the step that was not done")
                #expect(try await directory.processesLeft(after: .promised(2)).isEmpty)
            }
        }

        #if LOCKSTEP_FAILPOINTS
        @Test(arguments: [1, 2, 8])
        func lossThatIsNotFinite(workers: Int) async throws {
            try await TestDirectory.with { directory in
                try directory.write(SmallJob.perceptron.text, to: "job.yaml")
                let outcome = try await directory.run(
                    ["train", "job.yaml", "--json", "--workers", "\(workers)"],
                    environment: ["LOCKSTEP_FAILPOINTS": "loss-not-finite=3:5"])
                let verdict = try verdict(of: outcome)
                #expect(verdict.contains("lane 5 ") && verdict.contains("step 3"), "\(outcome)")
                let steps = try directory.jsonLines(of: "runs/job/latest/metrics.jsonl").map { $0["step"]?.int }
                #expect(steps == [1, 2])
                #expect(try outcome.events.count == 2)
            }
        }

        #else
        /// A plain release build has no door for faults.
        @Test func releaseHasNoFailpoints() async throws {
            try await TestDirectory.with { directory in
                try directory.write(SmallJob.perceptron.text, to: "job.yaml")
                let failpoints = ["LOCKSTEP_FAILPOINTS": "loss-not-finite=3:5,flip-parameter=4:w1,kill=5:load:w2"]
                let result = try await directory.train("job.yaml", "--workers", "3", environment: failpoints)
                #expect(result.digest == SmallJob.perceptron.digest)
            }
        }
        #endif
    }
}
