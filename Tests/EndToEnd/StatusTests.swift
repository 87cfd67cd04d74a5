import LockstepFormats
import Testing

extension ExecutableTests {
    /// What can be asked of a run, while it runs and afterwards.
    @Suite(.enabled(if: ProcessTable.isAvailable)) struct StatusTests {
        @Test func aRunSaysWhatItDoes() async throws {
            try await TestDirectory.with { directory in
                try directory.write(SmallJob.endless, to: "job.yaml")
                let process = directory.start([
                    "train", "job.yaml", "--json", "--workers", "2", "--run-directory", "run",
                ])
                _ = try await process.outputLine(containing: "\"step\":50,")
                let status = try await directory.run(["status", "run", "--json"])
                let value = try #require(try status.events.first)
                #expect(value["event"]?.string == "status" && value["state"]?.string == "running", "\(status)")
                #expect((value["step"]?.int ?? 0) >= 50 && value["loss"]?.double != nil)
                let workers = value["workers"]?.array ?? []
                #expect(workers.map { $0["name"]?.string } == ["w0", "w1"])
                #expect(workers.map { $0["lanes"]?.text } == ["[0,4]", "[4,8]"])
                let text = try await directory.run(["status", "run"])
                #expect(text.output.first?.contains("running") == true, "\(text)")
                try await process.signal(Signal.kill)
                _ = try await process.outcome()
                _ = try await directory.processesLeft(after: .promised(5))
                let dead = try await directory.run(["status", "run", "--json"])
                #expect(try dead.events.first?["state"]?.string?.contains("--resume") == true, "\(dead)")
            }
        }

        @Test func aFinishedRunSaysSo() async throws {
            try await TestDirectory.with { directory in
                try directory.write(SmallJob.perceptron.text, to: "job.yaml")
                _ = try await directory.train("job.yaml")
                // The newest run is what a command is about by default.
                let status = try await directory.run(["status", "--json"])
                #expect(try status.events.first?["state"]?.string == "finished", "\(status)")
                let none = try await directory.run(["status", "nowhere"])
                #expect(none.end == .exited(2), "\(none)")
            }
        }
    }
}
