import LockstepCluster
import LockstepCore
import LockstepEngine
import LockstepTestSupport
import LockstepWire
import LockstepWireTestSupport
import Logging
import NIOCore
import NIOPosix
import Tracing

@testable import LockstepRuntime

/// The listener of a coordinator that does with its links what a test wants, and a worker that dials it.
final class TestCoordinator: Sendable {
    let authority: Authority
    let listener: SecureListener
    private let links: AsyncStream<(ControlLink, Hello)>

    /// - Parameter accept: gets each link first; true where it was dealt with.
    init(accept: @escaping @Sendable (ControlLink, Hello) -> Bool = { _, _ in false }) async throws {
        authority = try Authority(cluster: "test")
        let (links, continuation) = AsyncStream.makeStream(of: (ControlLink, Hello).self)
        self.links = links
        listener = try await SecureListener.control(
            at: Endpoint(host: "127.0.0.1", port: 0), on: MultiThreadedEventLoopGroup.singleton,
            contexts: .patient(authority.issue(role: .coordinator, name: "c0")), limits: .patient,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        ) { link, hello in if !accept(link, hello) { continuation.yield((link, hello)) } }
    }

    /// - Parameter purpose: others are passed over; nil for any.
    func nextLink(_ purpose: Hello.Purpose? = nil) async -> (link: ControlLink, hello: Hello)? {
        for await (link, hello) in links where purpose == nil || hello.purpose == purpose { return (link, hello) }
        return nil
    }

    func worker(patience: Double = 60 * Double(Patience.minutes), sinks: LogSinks? = nil) throws -> WorkerService {
        WorkerService(
            WorkerSettings(
                identity: try authority.issue(role: .worker, name: "w0"), coordinator: listener.address, threads: 1,
                dataDirectory: "/", patience: patience, kernels: Kernels.best(),
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, sinks: sinks, tracer: NoOpTracer()))
    }

    /// The first message on `link` that this one is true of; nil where none comes.
    static func first(on link: ControlLink, where isWanted: @Sendable (ControlMessage) -> Bool) async throws
        -> ControlMessage?
    {
        try await link.run { frames in
            for try await frame in frames {
                let message = try frame.message()
                if isWanted(message) { return message }
            }
            return nil
        }
    }
}
