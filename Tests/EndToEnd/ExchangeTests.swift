import LockstepFormats
import Testing

extension ExecutableTests {
    /// How gradients travel: measured or asked for, and never of any consequence.
    @Suite(.enabled(if: ProcessTable.isAvailable)) struct ExchangeTests {
        @Test func theWayOfGradientsChangesNoBit() async throws {
            try await TestDirectory.with { directory in
                try directory.write(SmallJob.wide, to: "job.yaml")
                let alone = try await directory.train("job.yaml", "--workers", "1", "--run-directory", "alone")
                for (index, options) in [
                    ["--workers", "2"], ["--workers", "3", "--links", "2", "--bucket-bytes", "4096"],
                    ["--workers", "2", "--links", "3"], ["--workers", "4", "--bucket-bytes", "1024"],
                ].enumerated() {
                    let outcome = try await directory.run(
                        ["train", "job.yaml", "--json", "--run-directory", "run\(index)"] + options)
                    #expect(try TrainingResult(outcome) == alone, "\(options)")
                }
                // Those with something to choose said what they chose.
                for (index, isMeasured) in [true, false, true, true].enumerated() {
                    let log = try directory.text(of: "run\(index)/logs/coordinator.log")
                    #expect(log.contains("gradients travel in ") == isMeasured, "\(log)")
                }
            }
        }

        @Test func statusShowsIt() async throws {
            try await TestDirectory.with { directory in
                try directory.write(SmallJob.endless, to: "job.yaml")
                let process = directory.start([
                    "train", "job.yaml", "--json", "--workers", "2", "--run-directory", "run", "--links", "2",
                    "--bucket-bytes", "1024",
                ])
                _ = try await process.outputLine(containing: "\"step\":5,")
                let value = try #require(try await directory.run(["status", "run", "--json"]).events.first)
                let exchange = try #require(value["exchange"])
                #expect(exchange["links"]?.int == 2 && (exchange["buckets"]?.int ?? 0) > 1, "\(value.text)")
                let text = try await directory.run(["status", "run"])
                #expect(text.output.contains { $0.hasPrefix("gradients ") && $0.contains("2 links") }, "\(text)")
                try await process.signal(Signal.kill)
                _ = try await process.outcome()
                _ = try await directory.processesLeft(after: .promised(5))
            }
        }

        @Test(arguments: [["--links", "0"], ["--links", "17"], ["--bucket-bytes", "1023"]])
        func whatCannotBeIsRefused(options: [String]) async throws {
            try await TestDirectory.with { directory in
                try directory.write(SmallJob.wide, to: "job.yaml")
                try await directory.run(["train", "job.yaml", "--workers", "2"] + options)
                    .expectRefusal(naming: options[0], options[1])
                #expect(directory.contents == ["job.yaml"], "\(directory.contents)")
            }
        }
    }
}
