#if LOCKSTEP_FAILPOINTS
import LockstepFormats
import Testing

extension ExecutableTests {
    /// Lanes that are computed twice: the result stays as it is, and a wrong computation is found before it is applied.
    @Suite struct LaneAuditTests {
        private static let job = SmallJob.steady(steps: 40)

        /// With an audit in every step, unless another job is given.
        private func train(
            _ directory: TestDirectory, workers: Int, threads: Int = 1, _ faults: [String] = [], every: Int = 1
        ) async throws -> Outcome {
            try directory.write(LaneAuditTests.job, to: "job.yaml")
            let planned = try PlannedFaults(faults, in: directory)
            let outcome = try await directory.run(
                [
                    "train", "job.yaml", "--json", "--workers", "\(workers)", "--threads", "\(threads)",
                    "--run-directory", "run", "--set", "audit.everySteps=\(every)",
                ], environment: planned.environment)
            #expect(planned.missing.isEmpty, "\(outcome)")
            return outcome
        }

        /// The digests that each job has without audit.
        @Test(arguments: SmallJob.all) func noBitDependsOnIt(_ job: SmallJob) async throws {
            try await TestDirectory.with { directory in
                try directory.write(job.text, to: "job.yaml")
                for (workers, threads, every) in [(1, 2, 1), (min(3, job.lanes), 1, 2)] {
                    let outcome = try await directory.run([
                        "train", "job.yaml", "--json", "--workers", "\(workers)", "--threads", "\(threads)", "--set",
                        "audit={everySteps: \(every)}", "--run-directory", "run-\(workers)-\(threads)",
                    ])
                    let result = try TrainingResult(outcome)
                    #expect(result.digest == job.digest && result.stateDigest == job.stateDigest, "\(outcome)")
                    let audited = try outcome.events.last?["lanesAudited"]?.int
                    #expect(audited == job.steps / every, "\(outcome)")
                    #expect(try directory.incidents(of: "run-\(workers)-\(threads)").isEmpty)
                }
            }
        }

        /// A single wrong result: the step is done again, and that is all.
        @Test(arguments: [1, 2]) func aPassingFaultCostsAStep(_ workers: Int) async throws {
            try await TestDirectory.with { directory in
                let outcome = try await train(
                    directory, workers: workers, threads: workers == 1 ? 2 : 1, ["wrong-lane-once=10:w0"])
                try await directory.expectSurvival(outcome, of: LaneAuditTests.job)
                let incidents = try directory.incidents()
                #expect(incidents.count == 1, "\(outcome)")
                let expected =
                    workers == 1
                    ? #/worker w0 computed lane \d of step 10 twice, differently/#
                    : #/the workers computed lane \d of step 10 differently, and no result has most voices/#
                #expect(incidents.first?.contains(expected) == true, "\(outcome)")
            }
        }

        /// Two against one: who computes wrongly goes, and another process takes its place.
        @Test func aWorkerThatComputesWronglyIsExpelled() async throws {
            try await TestDirectory.with { directory in
                let outcome = try await train(directory, workers: 3, ["wrong-lane=10:w1"])
                try await directory.expectSurvival(outcome, of: LaneAuditTests.job)
                let incidents = try directory.incidents()
                #expect(incidents.count == 1, "\(outcome)")
                #expect(
                    incidents.first?.contains(#/worker w1 computed lane \d of step \d+ otherwise than most did/#)
                        == true
                        && incidents.first?.contains("2 workers go on") == true, "\(outcome)")
                #expect(outcome.errors.contains { $0.contains("worker lost: w1 (it computed lane") }, "\(outcome)")
            }
        }

        /// One against one, again and again, or against itself: nobody can say which result is right.
        @Test(arguments: [1, 2]) func withoutAMajorityTheRunEnds(_ workers: Int) async throws {
            try await TestDirectory.with { directory in
                let outcome = try await train(directory, workers: workers, ["wrong-lane=10:w0"])
                #expect(outcome.end == .exited(1), "\(outcome)")
                let last = outcome.errors.first { $0.hasPrefix("lockstep: ") } ?? ""
                #expect(last.contains("of step 10") && last.contains("it came 3 times in a row"), "\(outcome)")
                #expect(try directory.incidents().count == 2, "\(outcome)")
                #expect(try directory.reportedSteps().count == 9)
            }
        }

        /// `status` of a run that goes on, and `plan`, say what is audited.
        @Test func statusAndPlanTellOfIt() async throws {
            try await TestDirectory.with { directory in
                try directory.write(LaneAuditTests.job, to: "job.yaml")
                let faults = try PlannedFaults(["slow=30:load:w0"], in: directory)
                let set = ["--set", "audit.everySteps=2"]
                let process = directory.start(
                    ["train", "job.yaml", "--json", "--workers", "2", "--run-directory", "run"] + set,
                    environment: faults.environment)
                _ = try await process.outputLine(containing: "\"step\":30,")
                let status = try await directory.status()
                #expect(status["auditEverySteps"]?.int == 2, "\(status.text)")
                #expect((status["lanesAudited"]?.int ?? 0) >= 15, "\(status.text)")
                let text = try await directory.run(["status", "run"])
                #expect(text.output.contains { $0.contains("computed twice, alike; one every 2 steps") }, "\(text)")
                try faults.proceed()
                _ = try TrainingResult(try await process.outcome())
                let plan = try await directory.run(["plan", "job.yaml", "--workers", "2"] + set)
                let line =
                    "audit      every 2 steps one of 8 lanes is computed a second time, by a worker that has up to 4 of its "
                    + "own"
                #expect(plan.output.contains(line), "\(plan)")
            }
        }

        /// Steps whose number is no multiple of the interval have none.
        @Test func onlyDueStepsAreAudited() async throws {
            try await TestDirectory.with { directory in
                let outcome = try await train(directory, workers: 2, every: 41)
                try await directory.expectSurvival(outcome, of: LaneAuditTests.job)
                #expect(try outcome.events.last?["lanesAudited"]?.int == 0)
            }
        }
    }
}
#endif
