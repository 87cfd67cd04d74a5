import Foundation
import LockstepCluster
import LockstepCore
import LockstepRuntime
import LockstepTestSupport
import LockstepWire
import LockstepWireTestSupport
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Testing

@Suite(.timeLimit(.minutes(Patience.minutesOfTest)), .ownThreads) struct ShutdownTests {
    /// What SIGTERM does to a coordinator with a handshake open and a step running: the listener closes at once, the
    /// step ends, a snapshot is kept, the links close.
    @Test func gracefulShutdownEndsTheStepAndKeepsTheState() async throws {
        // Without end, and without a snapshot before it.
        let cluster = try await TestCluster(
            workers: 2, overrides: ["epochs=1000000", "snapshots.everySteps=100000000"])
        let endpoint = try Endpoint(cluster.coordinator.address, option: "--join")
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [
                    .init(service: cluster.coordinator, successTerminationBehavior: .gracefullyShutdownGroup)
                ],
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }))
        let running = Task(executorPreference: OwnThreads.shared) { try await group.run() }
        let working = cluster.workers.map { worker in
            Task(executorPreference: OwnThreads.shared) { try await worker.run() }
        }
        let handshake = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .connect(host: endpoint.host, port: endpoint.port).get()
        try await poll("a step") { cluster.lines.contains { $0.contains("\"event\":\"step\"") } }

        let asked = ContinuousClock.now
        await group.triggerGracefulShutdown()
        try await poll("the listener to close") {
            let probe = try? await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
                .connect(host: endpoint.host, port: endpoint.port).get()
            try? await probe?.close()
            return probe == nil
        }
        try await running.value
        for work in working { try await work.value }
        // Not by a deadline; and those of a real run are over after less than five seconds.
        #expect(ContinuousClock.now - asked < Patience.duration)
        let timing = CoordinatorConfiguration.Timing()
        #expect(timing.stop + timing.stopCollection < 5_000_000_000)
        try await handshake.closeFuture.get()
        let outcome = try #require(cluster.coordinator.outcome)
        #expect(outcome.exitCode == .temporary)
        #expect(outcome.message.contains("SIGTERM"))
        let snapshots = try FileManager.default.contentsOfDirectory(atPath: cluster.directory + "/run/snapshots")
        #expect(snapshots.count == 1)
        #expect(cluster.workers.allSatisfy { $0.outcome?.exitCode == .temporary })
    }

    /// Asks again and again until `condition` holds.
    private func poll(_ what: String, _ condition: () async -> Bool) async throws {
        let deadline = ContinuousClock.now + Patience.duration
        while !(await condition()) {
            guard ContinuousClock.now < deadline else {
                Issue.record("\(what) never came")
                throw CancellationError()
            }
            // Nobody tells when a port is closed.
            try await Task.sleep(for: .milliseconds(5))
        }
    }
}
