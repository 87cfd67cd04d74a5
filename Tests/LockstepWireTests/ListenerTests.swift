import LockstepCluster
import LockstepCore
import LockstepTestSupport
import LockstepWire
import LockstepWireTestSupport
import NIOCore
import NIOPosix
import Testing

@Suite(.timeLimit(.minutes(Patience.minutesOfTest)), .ownThreads)
struct ListenerTests {
    private func listen(at endpoint: Endpoint) async throws -> SecureListener {
        let identity = try Authority(cluster: "demo").issue(role: .coordinator, name: "c0")
        return try await SecureListener.control(
            at: endpoint, on: MultiThreadedEventLoopGroup.singleton, contexts: TLSContexts(identity),
            logger: LogRecorder().logger
        ) { _, _ in }
    }

    @Test func bindsWhatItIsTold() async throws {
        let listener = try await listen(at: Endpoint(host: "127.0.0.1", port: 0))
        #expect(listener.address.host == "127.0.0.1")
        #expect(listener.address.port > 0)
        #if os(Linux)
        // All of 127/8 is this machine: a wider listener would answer here.
        await #expect(throws: (any Error).self) {
            _ = try await RawPeer.connect(to: Endpoint(host: "127.0.0.2", port: listener.address.port))
        }
        // The canary: a wider listener does.
        let wide = try await listen(at: Endpoint(host: "0.0.0.0", port: 0))
        try await RawPeer.connect(to: Endpoint(host: "127.0.0.2", port: wide.address.port)).close()
        #endif
    }

    @Test func portInUse() async throws {
        let first = try await listen(at: Endpoint(host: "127.0.0.1", port: 0))
        let error = await #expect(throws: CommandError.self) { _ = try await listen(at: first.address) }
        #expect(error?.exitCode == .usage)
        #expect(error?.message.hasPrefix("\(first.address) is in use") == true)
    }

    @Test func foreignAddress() async throws {
        let error = await #expect(throws: CommandError.self) {
            _ = try await listen(at: Endpoint(host: "192.0.2.1", port: 0))
        }
        #expect(error?.exitCode == .usage)
        #expect(error?.message.contains("is no address of this machine") == true)
    }

    @Test func unknownHost() async throws {
        let error = await #expect(throws: CommandError.self) {
            _ = try await listen(at: Endpoint(host: "no-such-host.invalid", port: 0))
        }
        #expect(error?.exitCode == .usage)
    }

    @Test func quiescing() async throws {
        let cluster = try await TestCluster()
        let opening = try await RawPeer.connect(to: cluster.listener.address)
        let worker = try await cluster.dial(cluster.authority.identity(.init("lockstep://demo/worker/w0")), as: "w0")
        let (link, _) = try #require(await cluster.nextLink())
        cluster.listener.initiateShutdown()
        // The one that was opening is closed; the open one goes on.
        _ = try await opening.closed()
        // A process that is just being started may hold the socket until its program begins.
        while let probe = try? await RawPeer.connect(to: cluster.listener.address) { probe.close() }
        try link.post(.ping(Ping(nonce: 3)))
        let heard = try await worker.run { frames in
            for try await frame in frames { return try frame.message() }
            throw LinkError.closed("nothing came")
        }
        #expect(heard == .ping(Ping(nonce: 3)))
        link.close()
        await cluster.listener.waitUntilClosed()
        #expect(cluster.log.warnings.isEmpty)
    }

    /// A listener that is dropped after its loops have ended leaves nothing behind.
    @Test func loopsThatEndFirst() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let identity = try Authority(cluster: "demo").issue(role: .coordinator, name: "c0")
        var listener: SecureListener? = try await SecureListener.control(
            at: Endpoint(host: "127.0.0.1", port: 0), on: group, contexts: TLSContexts(identity),
            logger: LogRecorder().logger
        ) { _, _ in }
        try await group.shutdownGracefully()
        listener?.initiateShutdown()
        await listener?.waitUntilClosed()
        listener = nil
    }

    /// 256 silent connections are held, the next one waits, and gets its turn when one of them goes.
    @Test func handshakesInFlight() async throws {
        #expect(LinkLimits().openingsInFlight == 256)
        let cluster = try await TestCluster()
        var silent: [RawPeer] = []
        for _ in 0..<256 { silent.append(try await RawPeer.connect(to: cluster.listener.address)) }
        let identity = try cluster.authority.identity(.init("lockstep://demo/worker/w0"))
        let error = await #expect(throws: LinkError.self) {
            _ = try await cluster.dial(identity, as: "w0", timeout: .milliseconds(200))
        }
        #expect(error?.reason.contains("answer within 200 ms") == true)
        silent[100].close()
        try await cluster.expectService()
        silent.forEach { $0.close() }
    }

    @Test(arguments: [
        ("127.0.0.1:7070", "127.0.0.1", 7070), ("[::1]:0", "::1", 0), ("node3.local:65535", "node3.local", 65535),
    ])
    func endpoints(_ text: String, _ host: String, _ port: Int) throws {
        let endpoint = try Endpoint(text, option: "--listen")
        #expect(endpoint == Endpoint(host: host, port: port))
        #expect(endpoint.description == text)
    }

    @Test(arguments: [
        "", "7070", ":7070", "::1:7070", "a:", "a:65536", "a:-1", "a:+1", "a b:1", "a:1 ", "[::1]", "a\u{0}:1",
    ])
    func noEndpoints(_ text: String) {
        let error = #expect(throws: CommandError.self) { try Endpoint(text, option: "--join") }
        #expect(error?.message.hasPrefix("--join ") == true)
    }
}
