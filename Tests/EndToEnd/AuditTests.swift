import LockstepFormats
import Testing

extension ExecutableTests {
    /// `lockstep data audit` of runs that took place, and of their directories with something changed.
    @Suite(.enabled(if: ProcessTable.isAvailable)) struct AuditTests {
        /// 270 samples are left for training: a ragged last batch, in every epoch a validation.
        private static let job = """
            model: [flatten, linear: 12, relu, linear: 10]
            loss: softmaxCrossEntropy
            optimizer: {adam: {learningRate: 0.01}}
            data:
              train: {glyphs: {count: 300}}
              validation: {split: 0.1}
            earlyStopping: {patience: 100}
            snapshots: {everySteps: 10, keep: 3}
            batchSize: 32
            lanes: 7
            epochs: 30
            seed: 4
            """

        private func audit(_ directory: TestDirectory, _ code: Int32 = 0) async throws -> JSONValue {
            let outcome = try await directory.run(["data", "audit", "run", "--json"])
            #expect(outcome.end == .exited(code), "\(outcome)")
            return try #require(try outcome.events.first)
        }

        /// Killed in the midst of an epoch, gone on from a snapshot with others, stopped, gone on.
        @Test func aResumedRunIsExact() async throws {
            try await TestDirectory.with { directory in
                try directory.write(AuditTests.job, to: "job.yaml")
                let options = ["train", "job.yaml", "--json", "--run-directory", "run"]
                // Neither must be over before it is ended.
                let slow = try ["slow=40:load:w0", "slow=120:load:w0"].map {
                    try PlannedFaults([$0], in: directory).environment
                }
                var process = directory.start(options + ["--workers", "3"], environment: slow[0])
                _ = try await process.outputLine(containing: "\"step\":40,")
                try await process.signal(Signal.stop)
                var soFar = try await audit(directory)
                #expect(soFar["isExact"]?.bool == true && soFar["completedEpochs"]?.int ?? 0 >= 3)
                try await process.signal(Signal.kill)
                _ = try await process.outcome()
                soFar = try await audit(directory)
                #expect(soFar["isExact"]?.bool == true, "\(soFar)")
                process = directory.start(options + ["--resume", "--workers", "2"], environment: slow[1])
                _ = try await process.outputLine(containing: "\"step\":120,")
                try await process.signal(Signal.terminate)
                _ = try await process.outcome()
                _ = try TrainingResult(
                    try await directory.run(options + ["--resume", "--workers", "4"]))
                let whole = try await audit(directory)
                #expect(whole["isExact"]?.bool == true && whole["completedEpochs"]?.int == 30, "\(whole)")
                #expect(whole["steps"]?.int == 270 && whole["reports"]?.int == 270 && whole["samples"]?.int == 270)
                let generations = Set(
                    try directory.jsonLines(of: "run/metrics.jsonl").compactMap { $0["generation"]?.int })
                #expect(generations.count >= 3)
                let text = try await directory.run(["data", "audit", "run"])
                #expect(text.output.last == "exact: every sample of 30 completed epochs counted once", "\(text)")

                // The same directory with one report changed.
                let original = try directory.text(of: "run/metrics.jsonl")
                var lines = original.split(separator: "\n").map(String.init)
                let hash = try #require(
                    try JSONValue(parsing: Array(lines[99].utf8))["sampleHashes"]?.array?.first?.string)
                lines[99] = lines[99].replacing(hash, with: String(hash.reversed()))
                try directory.write(lines.joined(separator: "\n") + "\n", to: "run/metrics.jsonl")
                let changed = try await directory.run(["data", "audit", "run"])
                #expect(changed.end == .exited(3), "\(changed)")
                #expect(
                    changed.output.contains { $0.hasPrefix("step 100 of epoch 12: w0 used other samples than lane") },
                    "\(changed)")
                lines = original.split(separator: "\n").map(String.init)
                lines.remove(at: 199)
                try directory.write(lines.joined(separator: "\n") + "\n", to: "run/metrics.jsonl")
                let missing = try await audit(directory, 3)
                #expect(missing["findings"]?.array?.map { $0["firstStep"]?.int } == [200], "\(missing)")
            }
        }

        @Test func whatCannotBeAuditedIsSaid() async throws {
            try await TestDirectory.with { directory in
                let none = try await directory.run(["data", "audit", "nowhere"])
                #expect(none.end == .exited(2) && none.errorText.contains("no run directory"), "\(none)")
            }
        }
    }
}
