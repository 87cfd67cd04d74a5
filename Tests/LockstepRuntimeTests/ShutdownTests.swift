import Foundation
import LockstepCore
import LockstepRuntime
import LockstepWire
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Testing

@Suite(.timeLimit(.minutes(2))) struct ShutdownTests {
    /// What SIGTERM does to a coordinator with a handshake open and a step running: the listener closes at once, the
    /// step ends, a snapshot is kept, the links close.
    @Test func gracefulShutdownEndsTheStepAndKeepsTheState() async throws {
        let cluster = try await TestCluster(workers: 2, overrides: ["epochs=100000"])
        let endpoint = try Endpoint(cluster.coordinator.address, option: "--join")
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [
                    .init(service: cluster.coordinator, successTerminationBehavior: .gracefullyShutdownGroup)
                ],
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }))
        let running = Task { try await group.run() }
        let working = cluster.workers.map { worker in Task { try await worker.run() } }
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
        #expect(ContinuousClock.now - asked < .seconds(5))
        try await handshake.closeFuture.get()
        let outcome = try #require(cluster.coordinator.outcome)
        #expect(outcome.exitCode == .temporary)
        #expect(outcome.message.contains("SIGTERM"))
        let snapshots = try FileManager.default.contentsOfDirectory(atPath: cluster.directory + "/run/snapshots")
        #expect(snapshots.count == 1)
        #expect(cluster.workers.allSatisfy { $0.outcome?.exitCode == .temporary })
    }

    /// Asks again and again until `condition` holds; fails after a minute.
    private func poll(_ what: String, _ condition: () async -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(60)
        while !(await condition()) {
            guard ContinuousClock.now < deadline else {
                Issue.record("waited a minute for \(what)")
                throw CancellationError()
            }
            await Task.yield()
        }
    }
}
