import LockstepFormats
import Testing

extension ExecutableTests {
    /// The oracle of all tests in which something happens: it sees what it is for.
    @Suite struct UndisturbedTests {
        private static let job = SmallJob.steady(steps: 20)

        /// A run of another seed, and records of it that are missing, doubled, changed.
        @Test func everyDifferenceIsSeen() async throws {
            try await TestDirectory.with { directory in
                try directory.write(UndisturbedTests.job, to: "job.yaml")
                let result = try await directory.train("job.yaml", "--workers", "2", "--run-directory", "run")
                let whole = try await Undisturbed.run(UndisturbedTests.job)
                #expect(try await directory.differences(of: result, from: whole) == [])

                let other = try await directory.train(
                    "job.yaml", "--workers", "2", "--run-directory", "other", "--set", "seed=4")
                let others = try await directory.differences(of: other, from: whole, run: "other")
                #expect(others.count == 3, "\(others)")

                let lines = try directory.text(of: "run/metrics.jsonl").split(separator: "\n").map(String.init)
                func differences(with changed: [String]) async throws -> [String] {
                    try directory.write(changed.joined(separator: "\n") + "\n", to: "run/metrics.jsonl")
                    return try await directory.differences(of: result, from: whole)
                }
                #expect(try await differences(with: lines).isEmpty)
                #expect(try await !differences(with: Array(lines.dropLast())).isEmpty)
                #expect(try await !differences(with: lines + [lines[19]]).isEmpty)
                var swapped = lines
                swapped.swapAt(4, 5)
                #expect(try await !differences(with: swapped).isEmpty)
                // The hash of the samples that one worker used, in one step: the audit alone sees it.
                let hashes = try #require(try JSONValue(parsing: Array(lines[6].utf8))["sampleHashes"]?.array)
                let hash = try #require(hashes.first?.string)
                var forged = lines
                forged[6] = lines[6].replacing(hash, with: String(hash.reversed()))
                let found = try await differences(with: forged)
                #expect(found.count == 1 && found[0].contains("data audit"), "\(found)")
            }
        }
    }
}
