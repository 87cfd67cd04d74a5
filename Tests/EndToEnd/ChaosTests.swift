import LockstepFormats
import Synchronization
import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

extension ExecutableTests {
    /// Everything at once, by a seeded schedule; and networks that lose packets.
    @Suite(.enabled(if: ProcessTable.isAvailable)) struct ChaosTests {
        #if LOCKSTEP_FAILPOINTS
        /// Workers that do something to themselves at a random point of a random step, again and again, each time
        /// started anew; their links are cut meanwhile.
        ///
        /// The seed is printed where this fails; `LOCKSTEP_TEST_SEED` sets it.
        @Test func workersThatComeAndGo() async throws {
            let given = ProcessInfo.processInfo.environment["LOCKSTEP_TEST_SEED"].flatMap { UInt64($0) }
            let seed = given ?? UInt64.random(in: 0...UInt64.max)
            let job = SmallJob.steady(steps: 400, snapshotsEvery: 40)
            try await TestDirectory.with { directory in
                try directory.write(job, to: "job.yaml")
                let cluster = try HandCluster(in: directory)
                let coordinator = try await cluster.coordinator(
                    job: "job.yaml", workers: 4,
                    ["--run-directory", "run", "--max-failures", "1000", "--links", "1"],
                    environment: ["LOCKSTEP_FAILPOINTS": "deadlines=1000"])
                let schedule = ChaosSchedule(seed: seed)
                let names = (0..<4).map { "w\($0)" }
                // Identities are made once, by one task.
                for name in names { try cluster.issue(name) }
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for name in names {
                        group.addTask {
                            try await ChaosWorker(name: name, cluster: cluster, coordinator: coordinator).live(schedule)
                        }
                    }
                    try await group.waitForAll()
                }
                let outcome = try await coordinator.process.outcome()
                let note = "seed \(seed): \(schedule.told.joined(separator: ", "))"
                #expect(schedule.told.count > 4, "\(note)")
                try await directory.expectSurvival(outcome, of: job, note)
            }
        }
        #endif

        /// What a worker's link drops arrives late or never; no end is told.
        @Test(arguments: [Set(Proxy.Direction.allCases), [.toTarget]])
        func linksThatDrop(_ directions: Set<Proxy.Direction>) async throws {
            try await TestDirectory.with { directory in
                let job = SmallJob.steady(steps: 200)
                try directory.write(job, to: "job.yaml")
                let cluster = try HandCluster(in: directory)
                let faults = try PlannedFaults(["deadlines=1000", "slow=30:load:w1"], in: directory)
                let short = faults.environment
                let coordinator = try await cluster.coordinator(
                    job: "job.yaml", workers: 3, ["--run-directory", "run", "--links", "1"], environment: short)
                let port = try TCPListener.freePort()
                let proxy = try Proxy(to: port)
                // The others dial this one.
                let front = try cluster.worker(
                    "w0", join: coordinator.address, "--listen", "127.0.0.1:\(port)", "--advertise",
                    "127.0.0.1:\(proxy.port)", environment: short)
                let others = try ["w1", "w2"].map {
                    try cluster.worker($0, join: coordinator.address, environment: short)
                }
                _ = try await coordinator.process.outputLine(containing: "\"step\":30,")
                proxy.hold(directions)
                _ = try await coordinator.process.errorLine(containing: " on from step ")
                proxy.release()
                try faults.proceed()
                let outcome = try await coordinator.process.outcome()
                let result = try await directory.expectSurvival(outcome, of: job)
                #expect(result.lanesComputed.count == 3)
                for worker in [front] + others { #expect(try await worker.outcome().exitCode == 0) }
            }
        }

        /// The same with packets, where the system lets a test have hosts of its own: one way between two workers, then a
        /// host that is unplugged for a while.
        @Test func packetsThatAreLost() async throws {
            try await TestDirectory.with { directory in
                try await HostNetwork.with(["c0", "w0", "w1", "w2"]) { network in
                    let job = SmallJob.steady(steps: 400)
                    try directory.write(job, to: "job.yaml")
                    let cluster = try HandCluster(in: directory)
                    let faults = try PlannedFaults(["deadlines=1000", "slow=300:load:w0"], in: directory)
                    let short = faults.environment
                    let coordinator = try await HandCluster.Coordinator(
                        network.start(
                            [
                                "coordinator", "job.yaml", "--listen", network.address(of: "c0") + ":0", "--identity",
                                "c0", "--workers", "3", "--json", "--run-directory", "run",
                            ], on: "c0", in: directory, environment: short))
                    var workers: [RunningProcess] = []
                    for name in ["w0", "w1", "w2"] {
                        try cluster.issue(name)
                        workers.append(
                            network.start(
                                ["worker", "--join", coordinator.address, "--identity", name, "--threads", "1"],
                                on: name, in: directory, environment: short))
                    }
                    _ = try await coordinator.process.outputLine(containing: "\"step\":30,")
                    try await network.drop(from: "w1", to: "w0")
                    // One of the two goes on with the third.
                    _ = try await coordinator.process.errorLine(containing: "2 workers go on from step ")
                    try await network.mend(from: "w1", to: "w0")
                    let step = try #require(
                        coordinator.process.output.last.flatMap { try? JSONValue(parsing: Array($0.utf8))["step"]?.int }
                    )
                    _ = try await coordinator.process.outputLine(containing: "\"step\":\(step + 50),")
                    try await network.plug("w2", isIn: false)
                    _ = try await coordinator.process.errorLine(containing: "worker lost: w2")
                    try await network.plug("w2", isIn: true)
                    try faults.proceed()
                    let outcome = try await coordinator.process.outcome()
                    try await directory.expectSurvival(outcome, of: job)
                    for worker in workers { _ = try await worker.outcome() }
                }
            }
        }
    }
}
