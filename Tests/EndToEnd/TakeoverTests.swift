import LockstepFormats
import Testing

extension ExecutableTests {
    /// What a coordinator that goes on with a run says of what was done before it.
    @Suite(.enabled(if: ProcessTable.isAvailable)) struct TakeoverTests {
        private static let job = SmallJob.steady(steps: 300)
        private static let options = ["--run-directory", "run"]

        /// A run of three workers that goes on slowly from step 60, and whose coordinator has just been killed.
        private struct Scene {
            let faults: PlannedFaults
            let cluster: HandCluster
            let address: String
            let workers: [RunningProcess]
            let first: RunningProcess

            init(_ directory: TestDirectory, until step: Int, job: String = TakeoverTests.job) async throws {
                try directory.write(job, to: "job.yaml")
                cluster = try HandCluster(in: directory)
                faults = try PlannedFaults(["slow=60:load:w0"], in: directory)
                let coordinator = try await cluster.coordinator(
                    job: "job.yaml", workers: 3, TakeoverTests.options, environment: faults.environment)
                let (cluster, environment) = (cluster, faults.environment)
                workers = try (0..<3).map {
                    try cluster.worker("w\($0)", join: coordinator.address, environment: environment)
                }
                address = coordinator.address
                first = coordinator.process
                _ = try await first.outputLine(containing: "\"step\":\(step),")
                try await first.signal(Signal.kill)
                _ = try await first.outcome()
            }

            func coordinator() async throws -> RunningProcess {
                try await cluster.coordinator(
                    job: "job.yaml", workers: 3, TakeoverTests.options, listen: address,
                    environment: faults.environment
                ).process
            }
        }

        private func cutLines(_ count: Int, of directory: TestDirectory) throws -> ClosedRange<Int> {
            let lines = try directory.text(of: "run/metrics.jsonl").split(separator: "\n")
            let kept = lines.dropLast(count)
            // The first of them is torn.
            try directory.write(
                kept.joined(separator: "\n") + "\n" + lines[kept.endIndex].prefix(20), to: "run/metrics.jsonl")
            return kept.count + 1...lines.count
        }

        /// What a loss of power may cost the workers still have: they forget what lasts.
        @Test func linesThatDidNotLastAreToldAgain() async throws {
            try await TestDirectory.with { directory in
                let scene = try await Scene(directory, until: 72)
                // Four steps a second: it is of the last quarter of one.
                _ = try cutLines(1, of: directory)
                let second = try await scene.coordinator()
                try scene.faults.proceed()
                let outcome = try await second.outcome()
                try await directory.expectSurvival(outcome, of: TakeoverTests.job)
                for worker in scene.workers { #expect(try await worker.outcome().exitCode == 0) }
                let generations = try directory.jsonLines(of: "run/metrics.jsonl").map { $0["generation"]?.int }
                #expect(Set(generations).count == 1, "the roster is adopted")
            }
        }

        /// Of lines that did last nobody knows any more: that is said, and all that comes after them is told.
        @Test func linesThatNobodyHasAreNamed() async throws {
            try await TestDirectory.with { directory in
                // Ten seconds: a disk may be slow.
                let scene = try await Scene(directory, until: 100)
                let cut = try cutLines(30, of: directory)
                let second = try await scene.coordinator()
                let line = try await second.errorLine(containing: " are lost")
                let lost = try #require(line.firstMatch(of: /the reports of steps (\d+) to (\d+) are lost/), "\(line)")
                let hole = try #require(Int(lost.1))...(try #require(Int(lost.2)))
                #expect(hole.lowerBound == cut.lowerBound && hole.upperBound <= cut.upperBound, "\(line)")
                // At once: what is told is what is being done.
                _ = try await second.outputLine(containing: "\"step\":\(cut.upperBound + 4),")
                try scene.faults.proceed()
                let result = try TrainingResult(try await second.outcome())
                for worker in scene.workers { #expect(try await worker.outcome().exitCode == 0) }
                let whole = try await Undisturbed.run(TakeoverTests.job)
                #expect(result.stateDigest == whole.result.stateDigest)
                #expect(
                    try directory.reportedSteps()
                        == whole.steps.enumerated().filter { !hole.contains($0.offset + 1) }
                        .map(\.element))
                let audit = try await directory.run(["data", "audit", "run", "--json"])
                #expect(audit.end == .exited(3), "\(audit)")
                let findings = try audit.events.first?["findings"]?.array ?? []
                // One for each epoch.
                #expect(findings.first?["firstStep"]?.int == hole.lowerBound, "\(audit)")
                #expect(findings.last?["lastStep"]?.int == hole.upperBound, "\(audit)")
            }
        }

        /// The lines of the epochs, without what the clock says.
        private static func epochLines(_ outcome: Outcome) -> [String] {
            outcome.errors.filter { $0.hasPrefix("epoch ") }.map { line in
                line.split(separator: "  ").prefix { !$0.hasSuffix("samples/s") }.joined(separator: "  ")
            }
        }

        private func undisturbedLines() async throws -> [String] {
            var lines: [String] = []
            try await TestDirectory.with { directory in
                try directory.write(TakeoverTests.job, to: "job.yaml")
                lines = TakeoverTests.epochLines(
                    try await directory.run(["train", "job.yaml", "--workers", "1", "--json"]))
            }
            #expect(lines.count == 30 && lines[6].contains("epoch 7/30  step 70/300  loss "), "\(lines)")
            return lines
        }

        /// A coordinator and a worker are killed in the midst of an epoch: its line is that of all of its steps.
        @Test func epochsThatWereTakenOverAreWhole() async throws {
            try await TestDirectory.with { directory in
                let scene = try await Scene(directory, until: 64)
                try await scene.workers[1].signal(Signal.kill)
                let second = try await scene.coordinator()
                let status = try await directory.status()
                #expect(status["loss"]?.double != nil && status["epoch"]?.int ?? 0 >= 7, "\(status.text)")
                try scene.faults.proceed()
                let outcome = try await second.outcome()
                try await directory.expectSurvival(outcome, of: TakeoverTests.job)
                let told = TakeoverTests.epochLines(try await scene.first.outcome()) + TakeoverTests.epochLines(outcome)
                #expect(told == (try await undisturbedLines()))
            }
        }

        /// The same of a run that goes on from a snapshot in the midst of an epoch.
        @Test func epochsThatWereResumedAreWhole() async throws {
            try await TestDirectory.with { directory in
                try directory.write(SmallJob.steady(steps: 300, snapshotsEvery: 13), to: "job.yaml")
                let faults = try PlannedFaults(["slow=60:load:w0"], in: directory)
                let launcher = directory.start(
                    ["train", "job.yaml", "--workers", "2", "--threads", "1", "--json"] + TakeoverTests.options,
                    environment: faults.environment)
                _ = try await launcher.outputLine(containing: "\"step\":68,")
                try await launcher.signal(Signal.kill)
                let first = TakeoverTests.epochLines(try await launcher.outcome())
                _ = try await directory.processesLeft(after: .promised(5))
                let second = TakeoverTests.epochLines(
                    try await directory.run(
                        ["train", "job.yaml", "--workers", "3", "--json", "--resume"] + TakeoverTests.options))
                let whole = try await undisturbedLines()
                #expect(first == Array(whole.prefix(first.count)))
                #expect(second == Array(whole.suffix(second.count)) && second.count >= 24, "\(second)")
            }
        }
    }
}
