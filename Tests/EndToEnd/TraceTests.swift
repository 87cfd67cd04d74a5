import LockstepFormats
import Testing

extension ExecutableTests {
    /// The trace of a run: which stages there are, who waited for whom, what other tools get.
    @Suite struct TraceTests {
        @Test func stagesAddUpToTheWhole() async throws {
            try await TestDirectory.with { directory in
                try directory.write(SmallJob.convolution.text, to: "job.yaml")
                _ = try await directory.train(
                    "job.yaml", "--workers", "2", "--run-directory", "run", "--set", "steps=40")
                let summary = try await directory.run(["trace", "run", "--json"])
                let value = try #require(try summary.events.first)
                let workers = value["workers"]?.array ?? []
                #expect(workers.count == 2, "\(summary)")
                for worker in workers {
                    let shares = (worker["stages"]?.array ?? []).compactMap { $0["share"]?.double }
                    #expect(shares.count >= 6 && abs(shares.reduce(0, +) - 1) < 1e-9, "\(worker.text)")
                }
                let perfetto = try await directory.run([
                    "trace", "export", "run", "--format", "perfetto", "--output", "trace.json",
                ])
                #expect(perfetto.end == .exited(0), "\(perfetto)")
                let events = try directory.json(of: "trace.json")["traceEvents"]?.array ?? []
                #expect(events.contains { $0["name"]?.string == "all-reduce" })
                let plot = try await directory.run(["trace", "plot", "run"])
                #expect(plot.output.count > 10, "\(plot)")
                let image = try await directory.run(["trace", "plot", "run", "--svg", "loss.svg"])
                #expect(try image.end == .exited(0) && directory.text(of: "loss.svg").hasPrefix("<svg"), "\(image)")
            }
        }

        @Test func tracesCanBeOff() async throws {
            try await TestDirectory.with { directory in
                try directory.write(SmallJob.perceptron.text, to: "job.yaml")
                let on = try await directory.train("job.yaml", "--run-directory", "on")
                let off = try await directory.train("job.yaml", "--run-directory", "off", "--set", "traces.off=true")
                #expect(on == off)
                #expect(directory.contents.contains("on/traces/w0.otlp.jsonl"))
                #expect(!directory.contents.contains { $0.hasPrefix("off/traces/") })
            }
        }
    }
}
