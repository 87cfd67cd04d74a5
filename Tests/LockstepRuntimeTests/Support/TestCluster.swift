import Foundation
import InMemoryLogging
import InMemoryTracing
import LockstepCluster
import LockstepCore
import LockstepEngine
import LockstepRuntime
import LockstepTestSupport
import LockstepWire
import Logging
import ServiceLifecycle
import Synchronization
import Tracing

/// A coordinator and workers in this process, connected by TLS over the loopback interface.
final class TestCluster: Sendable {
    static let job = """
        model: [flatten, linear: 16, relu, linear: 10]
        loss: softmaxCrossEntropy
        optimizer: {adam: {learningRate: 0.01}}
        data:
          train: {glyphs: {count: 96}}
          test: {glyphs: {count: 40, part: test}}
        batchSize: 32
        lanes: 5
        epochs: 1
        seed: 3
        """

    let directory: String
    let tracer = InMemoryTracer()
    let logs = InMemoryLogHandler()
    let coordinator: CoordinatorService
    let workers: [WorkerService]
    private let results = ResultLines()

    init(
        workers count: Int, job: String = TestCluster.job, overrides: [String] = [],
        exchange: ExchangeWish = ExchangeWish(), allowsClear: Bool = false
    ) async throws {
        let directory = FileManager.default.temporaryDirectory.path + "/lockstep-runtime-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let jobPath = directory + "/job.yaml"
        try job.write(toFile: jobPath, atomically: true, encoding: .utf8)
        let authority = try Authority(cluster: "test")
        let results = results
        var coordinatorSettings = CoordinatorSettings(
            job: try PreparedJob(path: jobPath, overrides: overrides),
            identity: try authority.issue(role: .coordinator, name: "c0"),
            listen: Endpoint(host: "127.0.0.1", port: 0), workers: count, exchange: exchange,
            placement: .new(directory + "/run"),
            output: RunOutput(json: true, result: { results.append($0) }, progress: { _ in }),
            logger: TestCluster.logger("coordinator", logs, nil), tracer: tracer)
        coordinatorSettings.timing = .patient
        coordinator = try await CoordinatorService(coordinatorSettings)
        let endpoint = try Endpoint(coordinator.address, option: "--join")
        let (logs, tracer) = (logs, tracer)
        workers = try (0..<count).map { index in
            let status = ProcessStatus()
            var settings = WorkerSettings(
                identity: try authority.issue(role: .worker, name: "w\(index)"), coordinator: endpoint, threads: 1,
                dataDirectory: directory, patience: 60 * Double(Patience.minutes), kernels: Kernels.best(),
                status: status,
                logger: TestCluster.logger("worker", logs, status.metadataProvider), tracer: tracer)
            // All share this process, which no one of them may bind.
            settings.hasOwnCores = true
            settings.timing = .patient
            settings.dialTiming.patience = WorkerCore.Timing.patient.linking
            settings.allowsClear = allowsClear
            return WorkerService(settings)
        }
        self.directory = directory
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }

    /// Lines of results, each JSON.
    var lines: [String] { results.all }

    /// Runs everything to its end.
    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for worker in workers { group.addTask { try await worker.run() } }
            group.addTask { [coordinator] in try await coordinator.run() }
            try await group.waitForAll()
        }
    }

    private static func logger(
        _ label: String, _ handler: InMemoryLogHandler, _ provider: Logger.MetadataProvider?
    ) -> Logger {
        Logger(label: label) { _ in
            var handler = handler
            handler.metadataProvider = provider
            return handler
        }
    }
}

/// Lines from any thread, and a way to wait for one.
final class ResultLines: Sendable {
    private let lines = Mutex<[String]>([])

    var all: [String] { lines.withLock { $0 } }

    func append(_ line: String) { lines.withLock { $0.append(line) } }
}
