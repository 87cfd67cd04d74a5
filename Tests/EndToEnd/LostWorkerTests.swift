import LockstepFormats
import Testing

extension ExecutableTests {
    /// Workers are lost, in every way and many at once: the run ends as if nothing had happened.
    @Suite(.enabled(if: ProcessTable.isAvailable)) struct LostWorkerTests {
        private static let job = SmallJob.steady(steps: 300)

        /// Starts a run and waits until it is at it.
        private func start(
            in directory: TestDirectory, workers: Int, job: String = job, until step: Int = 30, _ options: String...,
            environment: [String: String] = [:]
        ) async throws -> RunningProcess {
            try directory.write(job, to: "job.yaml")
            let process = directory.start(
                ["train", "job.yaml", "--workers", "\(workers)", "--json", "--threads", "1", "--run-directory", "run"]
                    + options, environment: environment)
            _ = try await process.outputLine(containing: "\"step\":\(step),")
            return process
        }

        @Test func aKilledWorkerIsReplaced() async throws {
            try await TestDirectory.with { directory in
                let faults = try PlannedFaults(["slow=30:load:w0", "deadlines=60000"], in: directory)
                let launcher = try await start(in: directory, workers: 3, environment: faults.environment)
                let others = [
                    try await directory.processIdentifier(of: "w0"), try await directory.processIdentifier(of: "w2"),
                ]
                let victim = try await directory.processIdentifier(of: "w1")
                Signal.send(Signal.kill, to: victim)
                _ = try await launcher.errorLine(containing: "worker lost: w1")
                // The replacement has its name, and the others are who they were.
                _ = try await launcher.errorLine(containing: " on from step ")
                let log = directory["run/logs/coordinator.log"]
                _ = try await directory.line(of: log, containing: "worker w1 is here", count: 2)
                let replacement = try await directory.processIdentifier(of: "w1")
                #expect(replacement != victim)
                #expect(try await directory.processIdentifier(of: "w0") == others[0])
                #expect(try await directory.processIdentifier(of: "w2") == others[1])
                // The same one, for programs.
                let status = try await directory.status()
                let known = status["incidents"]?.array ?? []
                #expect(known.count == 1 && status["incidentCount"]?.int == 1, "\(status)")
                #expect(known.first?["worker"]?.string == "w1" && known.first?["step"]?.int != nil, "\(status)")
                // Who was lost between two steps was in no stage of one.
                let place = known.first?["stage"]?.string.map { "was lost in \($0)" } ?? "was lost after step "
                let told = known.first?["message"]?.string ?? ""
                #expect(told.contains(place) && told.contains("signal 9 (SIGKILL)"), "\(status)")
                try faults.proceed()

                let outcome = try await launcher.outcome()
                try await directory.expectSurvival(outcome, of: LostWorkerTests.job)
                let incidents = try directory.incidents()
                #expect(incidents.count == 1, "\(incidents)")
                #expect(incidents.first?.contains(told) == true, "\(incidents) \(told)")
                let pattern =
                    /worker (w\d) was lost (?:in (.+) of|after) step (\d+): signal 9 \(SIGKILL\); 2 workers go on from step (\d+) after [\d.]+ s/
                let match = try #require(incidents.first?.firstMatch(of: pattern), "\(incidents)")
                #expect(match.1 == "w1")
                let stages = ["idle", "load", "forward", "backward", "all-reduce", "control record", "update"]
                if let stage = match.2 { #expect(stages.contains(String(stage)), "\(match.0)") }
                let (step, from) = (try #require(Int(match.3)), try #require(Int(match.4)))
                // Where it was when it was last heard of; the others hold what they have done.
                #expect(step <= from + 1 && from >= 30, "\(match.0)")
                #expect(outcome.errors.filter { $0.contains(" was lost ") }.count == 1, "\(outcome)")
            }
        }

        /// The language's runtime would hold it for a description of the crash, and the others would wait for it.
        @Test func aCrashEndsAWorkerAtOnce() async throws {
            try await TestDirectory.with { directory in
                let faults = try PlannedFaults(["slow=30:load:w0", "deadlines=60000"], in: directory)
                let launcher = try await start(in: directory, workers: 2, environment: faults.environment)
                Signal.send(Signal.invalidAccess, to: try await directory.processIdentifier(of: "w1"))
                _ = try await launcher.errorLine(containing: "signal 11 (SIGSEGV); 1 worker goes on from step ")
                try faults.proceed()
                try await directory.expectSurvival(try await launcher.outcome(), of: LostWorkerTests.job)
            }
        }

        @Test func manyAtOnceAndThenAll() async throws {
            try await TestDirectory.with { directory in
                let job = SmallJob.steady(steps: 300, snapshotsEvery: 25)
                let faults = try PlannedFaults(["slow=150:load:w0"], in: directory)
                let launcher = try await start(
                    in: directory, workers: 4, job: job, environment: faults.environment)
                for name in ["w0", "w1", "w3"] {
                    Signal.send(Signal.kill, to: try await directory.processIdentifier(of: name))
                }
                _ = try await launcher.outputLine(containing: "\"step\":150,")
                // Nobody holds a state any more: the newest snapshot does.
                for worker in directory.workers { Signal.send(Signal.kill, to: worker.processIdentifier) }
                try faults.proceed()
                let outcome = try await launcher.outcome()
                try await directory.expectSurvival(outcome, of: job)
            }
        }

        @Test func whoIsLostTooOftenEndsTheRun() async throws {
            try await TestDirectory.with { directory in
                let launcher = try await start(
                    in: directory, workers: 3, job: SmallJob.endless, "--max-failures", "1",
                    "--set", "snapshots.everySteps=10")
                try await directory.until("a snapshot") {
                    directory.contents.contains { $0.hasPrefix("run/snapshots/") && $0.hasSuffix("/manifest.json") }
                }
                Signal.send(Signal.kill, to: try await directory.processIdentifier(of: "w1"))
                _ = try await launcher.errorLine(containing: " on from step ")
                Signal.send(Signal.kill, to: try await directory.processIdentifier(of: "w2"))
                let outcome = try await launcher.outcome()
                #expect(outcome.exitCode == 1, "\(outcome)")
                let verdicts = outcome.errors.filter { $0.hasPrefix("lockstep: ") }
                #expect(verdicts.count == 1, "\(outcome)")
                let verdict = verdicts.first ?? ""
                #expect(verdict.contains("worker w2 was lost") && verdict.contains("SIGKILL"), "\(outcome)")
                #expect(verdict.contains("--max-failures"), "\(outcome)")
                // Its last words follow, and are its own.
                let place = try #require(outcome.errors.firstIndex { $0.contains("last lines of w2:") }, "\(outcome)")
                for line in outcome.errors[(place + 1)...] where line.contains("worker=") {
                    #expect(line.contains("worker=w2"))
                }
                // And what is left to go on from.
                let wayOn = /\ \ S\((\d+)\) is kept in (\S+); --resume --run-directory run goes on from there/
                let kept = try #require(outcome.errors.last?.wholeMatch(of: wayOn), "\(outcome)")
                #expect(directory.contents.contains("\(kept.2)/manifest.json"), "\(directory.contents)")
                #expect(try await directory.processesLeft(after: .promised(2)).isEmpty)
                let steps = try directory.jsonLines(of: "run/metrics.jsonl").map { $0["step"]?.int }
                #expect(steps == Array(1...max(1, steps.count)))
            }
        }

        #if LOCKSTEP_FAILPOINTS
        /// One after the other at another point of a step, down to one survivor.
        @Test func everyPointOfAStep() async throws {
            try await TestDirectory.with { directory in
                let faults = try PlannedFaults(
                    [
                        "kill=15:load:w1", "exit=30:forward:w2", "kill=45:backward:w3", "kill=60:allReduce:w4",
                        "exit=75:record:w5", "kill=90:update:w6",
                    ], in: directory)
                let job = SmallJob.steady(steps: 120)
                try directory.write(job, to: "job.yaml")
                let cluster = try HandCluster(in: directory)
                let coordinator = try await cluster.coordinator(
                    job: "job.yaml", workers: 7, ["--run-directory", "run"])
                let workers = try (0..<7).map {
                    try cluster.worker("w\($0)", join: coordinator.address, environment: faults.environment)
                }
                let outcome = try await coordinator.process.outcome()
                #expect(faults.missing.isEmpty, "\(faults.missing)")
                let result = try await directory.expectSurvival(outcome, of: job)
                #expect(try await workers[0].outcome().exitCode == 0)
                #expect(result.lanesComputed.count == 7)
                #expect(try directory.incidents().count == 6)
            }
        }

        /// Losses while the survivors of another one freeze, link, level; while someone prepares; while a snapshot is copied.
        @Test func everyPointOfARegroup() async throws {
            try await TestDirectory.with { directory in
                let faults = try PlannedFaults(
                    [
                        "kill=15:load:w1", "exit=15:freezing:w2", "kill=15:linking:w3", "kill=40:snapshot:w4",
                        "kill=0:levelling:w5", "exit=0:preparing:w6",
                    ], in: directory)
                let job = SmallJob.steady(steps: 200, snapshotsEvery: 10)
                try directory.write(job, to: "job.yaml")
                let cluster = try HandCluster(in: directory)
                let coordinator = try await cluster.coordinator(
                    job: "job.yaml", workers: 5, ["--run-directory", "run", "--min-workers", "2"])
                func worker(_ name: String) throws -> RunningProcess {
                    try cluster.worker(name, join: coordinator.address, environment: faults.environment)
                }
                let first = try (0..<5).map { try worker("w\($0)") }
                // Only w0 is left: no step is done before there are two again.
                _ = try await coordinator.process.errorLine(containing: "paused")
                let joiners = try [worker("w5"), worker("w6")]
                for joiner in joiners { _ = try await joiner.outcome() }
                // What was lost comes back, and stays.
                let last = try worker("w5")
                let outcome = try await coordinator.process.outcome()
                #expect(faults.missing.isEmpty, "\(faults.missing)")
                let result = try await directory.expectSurvival(outcome, of: job)
                #expect(result.lanesComputed.contains { $0.worker == "w5" && $0.count > 0 }, "\(outcome)")
                #expect(try await first[0].outcome().exitCode == 0)
                #expect(try await last.outcome().exitCode == 0)
            }
        }

        /// A stopped process is evicted; when it wakes it is fenced, and comes back as a joiner. Nobody replaces what still
        /// runs.
        @Test func aFrozenWorkerComesBack() async throws {
            try await TestDirectory.with { directory in
                let job = SmallJob.steady(steps: 400)
                let faults = try PlannedFaults(["slow=30:load:w0", "deadlines=1000"], in: directory)
                let launcher = try await start(
                    in: directory, workers: 3, job: job, environment: faults.environment)
                let victim = try await directory.processIdentifier(of: "w1")
                Signal.send(Signal.stop, to: victim)
                let lost = try await launcher.errorLine(containing: "worker lost: w1")
                _ = try await launcher.errorLine(containing: " on from step ")
                let there = directory.workers.map(\.processIdentifier)
                #expect(there.count == 3 && there.contains(victim), "\(lost)")
                Signal.send(Signal.proceed, to: victim)
                let log = directory["run/logs/coordinator.log"]
                _ = try await directory.line(of: log, containing: "worker w1 is here", count: 2)
                try faults.proceed()
                let outcome = try await launcher.outcome()
                let result = try await directory.expectSurvival(outcome, of: job)
                #expect(result.lanesComputed.count == 3)
            }
        }

        /// A process that stays stopped lives on, and holds its name: the launcher ends it, where the run needs one in its place.
        @Test func aWorkerThatStaysFrozenIsReplaced() async throws {
            try await TestDirectory.with { directory in
                let job = SmallJob.steady(steps: 400)
                let faults = try PlannedFaults(["slow=30:load:w0", "deadlines=1000", "absence=5000"], in: directory)
                let launcher = try await start(
                    in: directory, workers: 2, job: job, "--min-workers", "2", environment: faults.environment)
                let victim = try await directory.processIdentifier(of: "w1")
                Signal.send(Signal.stop, to: victim)
                _ = try await launcher.errorLine(containing: "paused")
                _ = try await launcher.errorLine(
                    containing: "worker w1 hangs: its process has had no connection for 5 s, and is ended")
                let log = directory["run/logs/coordinator.log"]
                _ = try await directory.line(of: log, containing: "worker w1 is here", count: 2)
                #expect(try await directory.processIdentifier(of: "w1") != victim)
                try faults.proceed()
                let outcome = try await launcher.outcome()
                let result = try await directory.expectSurvival(outcome, of: job)
                #expect(result.lanesComputed.count == 2)
                #expect(try directory.incidents().count == 1, "\(outcome)")
            }
        }

        /// Event loops that live beside a computation that never ends, in a compute thread and in the driver.
        @Test func aHungComputationIsDropped() async throws {
            try await TestDirectory.with { directory in
                let faults = try PlannedFaults(
                    ["hang=40:backward:w1", "hang=80:update:w2", "deadlines=500"], in: directory)
                let launcher = try await start(
                    in: directory, workers: 4, until: 20, environment: faults.environment)
                let outcome = try await launcher.outcome()
                #expect(faults.missing.isEmpty, "\(faults.missing)")
                try await directory.expectSurvival(outcome, of: LostWorkerTests.job)
                for name in ["w1", "w2"] {
                    #expect(try directory.incidents().contains { $0.contains(name) }, "\(outcome)")
                }
            }
        }

        /// A link that breaks and can be made again costs nobody the place.
        @Test func aBrokenLinkEvictsNobody() async throws {
            try await TestDirectory.with { directory in
                let faults = try PlannedFaults(
                    [
                        "drop-links=40:allReduce:w1", "drop-links=80:forward:w0", "drop-links=120:backward:w2",
                        "slow=200:load:w0", "deadlines=60000",
                    ], in: directory)
                let launcher = try await start(in: directory, workers: 3, until: 20, environment: faults.environment)
                let before = Set(directory.workers)
                _ = try await launcher.outputLine(containing: "\"step\":200,")
                #expect(Set(directory.workers) == before)
                try faults.proceed()
                let outcome = try await launcher.outcome()
                #expect(faults.missing.isEmpty, "\(faults.missing)")
                try await directory.expectSurvival(outcome, of: LostWorkerTests.job)
                let incidents = try directory.incidents()
                #expect(incidents.count == 3 && incidents.allSatisfy { $0.contains("3 workers") }, "\(incidents)")
            }
        }

        /// Time-outs never decide correctness.
        @Test func deadlinesOfFiftyMilliseconds() async throws {
            try await TestDirectory.with { directory in
                let faults = try PlannedFaults(["kill=50:backward:w1", "deadlines=50"], in: directory)
                let launcher = try await start(
                    in: directory, workers: 3, until: 1, "--max-failures", "1000000",
                    environment: faults.environment)
                let outcome = try await launcher.outcome()
                #expect(faults.missing.isEmpty, "\(faults.missing)")
                try await directory.expectSurvival(outcome, of: LostWorkerTests.job)
            }
        }

        /// A worker that never comes to work is left out, and its reason is said.
        @Test func whoFailsAtTheStartIsLeftOut() async throws {
            try await TestDirectory.with { directory in
                let launcher = try await start(
                    in: directory, workers: 3, until: 1,
                    environment: ["LOCKSTEP_FAILPOINTS": "exit=0:preparing:w2"])
                let outcome = try await launcher.outcome()
                let result = try await directory.expectSurvival(outcome, of: LostWorkerTests.job)
                #expect(result.lanesComputed.map(\.worker) == ["w0", "w1"])
                #expect(
                    outcome.errors.contains { $0.contains("w2") && $0.contains("exit status 70") }, "\(outcome)")
            }
        }

        /// Who asks later is told it too.
        @Test func whoIsLeftOutIsInTheStatus() async throws {
            try await TestDirectory.with { directory in
                let launcher = try await start(
                    in: directory, workers: 2, job: SmallJob.endless, until: 1,
                    environment: ["LOCKSTEP_FAILPOINTS": "exit=0:preparing:w1"])
                let status = try await directory.status()
                let leftOut = status["quarantined"]?.array ?? []
                #expect(leftOut.map { $0["name"]?.string } == ["w1"], "\(status)")
                #expect(leftOut.first?["reason"]?.string?.hasSuffix("exit status 70") == true, "\(status)")
                try await launcher.signal(Signal.terminate)
                #expect(try await launcher.outcome().exitCode == 75)
            }
        }
        #endif
    }
}
