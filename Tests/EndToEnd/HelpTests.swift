import Testing

extension ExecutableTests {
    /// What the command says of itself.
    @Suite struct HelpTests {
        @Test(arguments: [
            ["--help"], ["train", "--help"], ["coordinator", "--help"], ["worker", "--help"], ["identity", "--help"],
            ["identity", "create", "--help"], ["identity", "issue", "--help"], ["identity", "show", "--help"],
            ["identity", "revoke", "--help"], ["drain", "--help"], ["status", "--help"], ["data", "audit", "--help"],
            ["plan", "--help"], ["bench", "--help"], ["bench", "allreduce", "--help"], ["help", "train"], [],
            ["identity"],
        ])
        func helps(arguments: [String]) async throws {
            try await TestDirectory.with { directory in
                let outcome = try await directory.run(arguments)
                #expect(outcome.end == .exited(0), "\(outcome)")
                #expect(outcome.errors.isEmpty, "\(outcome)")
                #expect(outcome.output.contains { $0.hasPrefix("USAGE: lockstep") }, "\(outcome)")
                #expect(directory.contents.isEmpty)
            }
        }

        @Test func tellsItsVersion() async throws {
            try await TestDirectory.with { directory in
                let outcome = try await directory.run(["--version"])
                #expect(outcome.end == .exited(0) && outcome.errors.isEmpty)
                let line = try #require(outcome.output.first)
                #expect(outcome.output.count == 1)
                #expect(line.wholeMatch(of: /lockstep \d+\.\d+\.\d+ \(arithmetic 2\)/) != nil, "\(line)")
            }
        }
    }
}
