import Foundation
import LockstepCluster
import LockstepCore
import LockstepEngine
import LockstepTestSupport
import LockstepWire
import LockstepWireTestSupport
import Logging
import NIOCore
import NIOPosix
import Synchronization
import Tracing

@testable import LockstepRuntime

/// Real workers in this process, and a coordinator that says to them what a test wants.
final class ScriptedCoordinator: Sendable {
    private struct Worker: Sendable {
        var control: ControlLink?
        var process: ProcessNumber?
        var waiting: [ControlMessage] = []
        var isHeard: CheckedContinuation<Void, Never>?
    }

    private let authority: Authority
    private let listener: SecureListener
    private let workers: Mutex<[String: Worker]>
    private let running: Mutex<[Task<Void, any Error>]>
    private let welcome: Welcome

    /// - Parameter job: the text of a job file.
    init(job: String) async throws {
        let path = FileManager.default.temporaryDirectory.path + "/lockstep-job-\(UUID().uuidString).yaml"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try job.write(toFile: path, atomically: true, encoding: .utf8)
        let prepared = try PreparedJob(path: path, overrides: [])
        let authority = try Authority(cluster: "test")
        let workers = Mutex<[String: Worker]>([:])
        self.authority = authority
        welcome = Welcome(
            runIdentifier: "test", incarnation: 1, clusterName: "test", job: prepared.encodedSource,
            files: prepared.files, traceContext: [])
        running = Mutex([])
        let inbox = Inbox()
        listener = try await SecureListener.control(
            at: Endpoint(host: "127.0.0.1", port: 0), on: MultiThreadedEventLoopGroup.singleton,
            contexts: .patient(authority.issue(role: .coordinator, name: "c0")), limits: .patient,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        ) { link, hello in inbox.take(link, hello) }
        self.workers = workers
        inbox.owner.withLock { $0 = Inbox.Owner(coordinator: self) }
    }

    /// What the listener's closure knows before the coordinator is made.
    private final class Inbox: Sendable {
        struct Owner: Sendable { weak var coordinator: ScriptedCoordinator? }
        let owner = Mutex(Owner())

        func take(_ link: ControlLink, _ hello: Hello) {
            let coordinator = owner.withLock { $0.coordinator }
            Task(executorPreference: OwnThreads.shared) {
                if hello.purpose == .control { coordinator?.hold(link, hello) }
                try? await link.run { frames in
                    for try await frame in frames where hello.purpose == .control {
                        coordinator?.hear(try frame.message(), from: hello.name)
                    }
                }
            }
        }
    }

    private func hold(_ link: ControlLink, _ hello: Hello) {
        workers.withLock {
            $0[hello.name, default: Worker()].control = link
            $0[hello.name]?.process = hello.process
        }
        try? link.post(.welcome(welcome))
    }

    private func hear(_ message: ControlMessage, from name: String) {
        let waiter = workers.withLock { workers in
            workers[name]?.waiting.append(message)
            return workers[name]?.isHeard.take()
        }
        waiter?.resume()
    }

    /// Starts a worker, and waits until it is prepared.
    func start(_ name: String) async throws -> WorkerAddress {
        var settings = WorkerSettings(
            identity: try authority.issue(role: .worker, name: name), coordinator: listener.address, threads: 1,
            dataDirectory: "/", patience: 60 * Double(Patience.minutes), kernels: Kernels.best(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, tracer: NoOpTracer())
        settings.hasOwnCores = true
        settings.timing = .patient
        let service = WorkerService(settings)
        workers.withLock { $0[name] = Worker() }
        let task = Task(executorPreference: OwnThreads.shared) { try await service.run() }
        running.withLock { $0.append(task) }
        return try await next(from: name) { message in
            if case .unable(let unable) = message { throw CommandError.failed(unable.message) }
            guard case .prepared(let prepared) = message else { return nil }
            return workers.withLock { $0[name]?.process }.map {
                WorkerAddress(name: name, process: $0, host: prepared.host, ports: prepared.ports)
            }
        }
    }

    func say(_ message: ControlMessage, to names: String...) throws {
        for name in names { try workers.withLock { $0[name]?.control }?.post(message) }
    }

    /// What `find` makes of the first message of a worker of which it makes something. Those before it are gone.
    ///
    /// - Throws: `CommandError` where the worker has halted.
    func next<Value>(from name: String, _ find: (ControlMessage) throws -> Value?) async throws -> Value {
        while true {
            let message = workers.withLock { workers -> ControlMessage? in
                guard workers[name]?.waiting.isEmpty == false else { return nil }
                return workers[name]?.waiting.removeFirst()
            }
            if let message {
                if case .halted(let halted) = message {
                    throw CommandError.failed("\(name) halted: \(halted.cause)")
                }
                if let value = try find(message) { return value }
                continue
            }
            await withCheckedContinuation { continuation in
                let isThere = workers.withLock { workers in
                    if workers[name]?.waiting.isEmpty == false { return true }
                    workers[name]?.isHeard = continuation
                    return false
                }
                if isThere { continuation.resume() }
            }
        }
    }

    /// Lets all workers end, and waits until they have.
    func end() async throws {
        for worker in workers.withLock({ $0.values.map(\.control) }) {
            try worker?.post(.release(Release(reason: "all done", exitCode: .success)))
        }
        for task in running.withLock({ $0 }) { try await task.value }
        listener.initiateShutdown()
        await listener.waitUntilClosed()
    }
}
