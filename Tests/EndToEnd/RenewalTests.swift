import Testing

extension ExecutableTests {
    /// Links between workers whose keys have served for long get successors while training goes on.
    @Suite struct RenewalTests {
        @Test func renewedLinksChangeNoBit() async throws {
            try await TestDirectory.with { directory in
                try directory.write(SmallJob.wide, to: "job.yaml")
                let alone = try await directory.train("job.yaml", "--workers", "1", "--run-directory", "alone")
                // More than one renewal a link, with one or several buckets in flight.
                for (index, options) in [
                    ["--workers", "2", "--links", "1", "--bucket-bytes", "1048576"],
                    ["--workers", "3", "--links", "2", "--bucket-bytes", "70000"],
                ].enumerated() {
                    let faults = try PlannedFaults(
                        ["records-per-key=60", "slow=2:load:w0"], in: directory, notes: "faults\(index)")
                    let process = directory.start(
                        ["train", "job.yaml", "--json", "--run-directory", "run\(index)"] + options,
                        environment: faults.environment)
                    // The run goes on while a link is renewed; it must not be over before.
                    let log = directory["run\(index)/logs/w1.log"]
                    _ = try await directory.line(of: log, containing: "renewed (2)")
                    try faults.proceed()
                    #expect(try TrainingResult(try await process.outcome()) == alone, "\(options)")
                    // In a pair the later member dials.
                    #expect(!(try directory.text(of: "run\(index)/logs/w0.log")).contains("renewed"))
                }
            }
        }
    }
}
