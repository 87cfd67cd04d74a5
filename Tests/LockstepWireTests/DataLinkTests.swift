import LockstepCluster
import LockstepCollectives
import LockstepCore
import LockstepTestSupport
import LockstepWire
import LockstepWireTestSupport
import NIOCore
import NIOPosix
import Testing

/// Two workers linked through TLS on this machine.
@Suite(.timeLimit(.minutes(Patience.minutesOfTest)), .ownThreads)
struct DataLinkTests {
    /// A worker w1 that listens for w0, and what it receives.
    private struct Pair {
        let authority: TestAuthority
        let log = LogRecorder()
        let listener: SecureListener
        let received: AsyncStream<TestReceiver.Event>

        init(
            limits: LinkLimits = .patient,
            admit: @escaping @Sendable (LinkGreeting) throws(LinkError) -> Void = { _ in },
            onOpen: @escaping @Sendable (DataLinkHandler) -> Void = { _ in }
        ) async throws {
            authority = try TestAuthority()
            let (stream, continuation) = AsyncStream.makeStream(of: TestReceiver.Event.self)
            received = stream
            listener = try await SecureListener.data(
                at: Endpoint(host: "127.0.0.1", port: 0), on: MultiThreadedEventLoopGroup.singleton,
                contexts: .patient(authority.identity(.init("lockstep://demo/worker/w1"))), limits: limits,
                logger: log.logger
            ) { greeting, _ throws(LinkError) in
                try admit(greeting)
                let receiver = TestReceiver { continuation.yield($0) }
                receiver.onOpen = onOpen
                return DataLinkAdmission(greeting: Pair.greeting("w1", "w0"), receiver: receiver)
            }
        }

        static func greeting(_ name: String, _ peer: String) -> LinkGreeting {
            LinkGreeting(
                generation: 3, name: name, process: ProcessNumber(1), peerName: peer, peerProcess: ProcessNumber(2)
            )
        }

        func dial(
            as uri: String = "lockstep://demo/worker/w0", _ greeting: LinkGreeting = greeting("w0", "w1"),
            through endpoint: Endpoint? = nil, objection: @escaping @Sendable (LinkGreeting) -> String? = { _ in nil },
            onOpen: @escaping @Sendable (DataLinkHandler) -> Void = { _ in }
        ) async throws -> AsyncStream<TestReceiver.Event> {
            let (stream, continuation) = AsyncStream.makeStream(of: TestReceiver.Event.self)
            try await DataLinkDialer(
                group: MultiThreadedEventLoopGroup.singleton, contexts: .patient(authority.identity(.init(uri)))
            )
            .connect(
                to: endpoint ?? listener.address, greeting: greeting, timeout: .patience, objection: objection
            ) { _ in
                let receiver = TestReceiver { continuation.yield($0) }
                receiver.onOpen = onOpen
                return receiver
            }
            return stream
        }
    }

    private func collect(_ count: Int, _ stream: AsyncStream<TestReceiver.Event>) async -> [(FrameHeader, [UInt8])] {
        var frames: [(FrameHeader, [UInt8])] = []
        for await event in stream {
            if case .frame(let header, let payload) = event { frames.append((header, payload)) }
            if case .closed = event { break }
            if frames.count == count { break }
        }
        return frames
    }

    private static func frames(_ seed: UInt64) -> [(FrameHeader, [UInt8])] {
        var random = SeededGenerator(seed: seed)
        return [0, 1, 3, 32, 16_384, 70_001, (1 << 20) + 3, 5].enumerated().map { number, count in
            var payload = [UInt8](repeating: 0, count: count)
            for index in stride(from: 0, to: count, by: 97) {
                payload[index] = UInt8.random(in: 0 ... .max, using: &random)
            }
            return (FrameHeader(kind: .total, generation: 3, step: UInt32(number), length: UInt32(count)), payload)
        }
    }

    /// Both directions at once, in TLS records cut at random places, every bit as it was sent.
    @Test(arguments: [nil, 1, 2] as [UInt64?])
    func framesCrossBothWays(_ seed: UInt64?) async throws {
        let there = DataLinkTests.frames(11)
        let back = DataLinkTests.frames(12)
        let pair = try await Pair(
            onOpen: { link in
                for (header, payload) in back { link.send(header, bytes: payload) }
                link.flush()
            }
        )
        let proxy = try await RecordingProxy(to: pair.listener.address, cutBySeed: seed)
        let stream = try await pair.dial(
            through: proxy.address,
            onOpen: { link in
                for (header, payload) in there { link.send(header, bytes: payload) }
                link.flush()
            }
        )
        let receivedThere = await collect(there.count, pair.received)
        let receivedBack = await collect(back.count, stream)
        #expect(receivedThere.map(\.0) == there.map(\.0))
        #expect(receivedBack.map(\.0) == back.map(\.0))
        // Compared as booleans: a difference must not print megabytes.
        #expect(zip(receivedThere, there).allSatisfy { $0.1 == $1.1 })
        #expect(zip(receivedBack, back).allSatisfy { $0.1 == $1.1 })
        #expect(pair.log.warnings.isEmpty)
    }

    @Test func onlyWorkersLink() async throws {
        let pair = try await Pair()
        for role in ["coordinator", "operator"] {
            let error = await #expect(throws: LinkError.self) {
                _ = try await pair.dial(as: "lockstep://demo/\(role)/w0")
            }
            #expect(error?.reason.contains("expected worker") == true, "\(error?.reason ?? "")")
            #expect(await pair.log.nextWarning().contains("has the role \(role), expected worker"))
        }
    }

    @Test func namesMustFit() async throws {
        let pair = try await Pair()
        var error = await #expect(throws: LinkError.self) {
            _ = try await pair.dial(Pair.greeting("w7", "w1"))
        }
        #expect(error?.reason.contains("it says it is \"w7\"") == true, "\(error?.reason ?? "")")
        #expect(await pair.log.nextWarning().contains("but its certificate is of lockstep://demo/worker/w0"))
        // The dialling side expects w2, and the certificate of the other end says w1.
        error = await #expect(throws: LinkError.self) { _ = try await pair.dial(Pair.greeting("w0", "w2")) }
        #expect(error?.reason.contains("its certificate is of lockstep://demo/worker/w1, expected w2") == true)
    }

    @Test func theRosterDecides() async throws {
        let pair = try await Pair { greeting throws(LinkError) in
            throw .refused("\(greeting.name) is not in the roster of generation \(greeting.generation)")
        }
        let error = await #expect(throws: LinkError.self) { _ = try await pair.dial() }
        #expect(error?.reason.contains("w0 is not in the roster of generation 3") == true, "\(error?.reason ?? "")")
        #expect(await pair.log.nextWarning().contains("w0 is not in the roster of generation 3"))
    }

    @Test func theDialerMayObject() async throws {
        let pair = try await Pair()
        let error = await #expect(throws: LinkError.self) {
            _ = try await pair.dial(objection: { "the link is of generation \($0.generation), not 4" })
        }
        #expect(error?.reason.contains("generation 3, not 4") == true, "\(error?.reason ?? "")")
    }

    @Test func aClosedLinkTellsBothEnds() async throws {
        let pair = try await Pair()
        let stream = try await pair.dial(onOpen: { $0.close() })
        for end in [stream, pair.received] {
            var last: TestReceiver.Event?
            for await event in end {
                last = event
                if case .closed = event { break }
            }
            guard case .closed(.closed) = last else {
                Issue.record("\(String(describing: last))")
                continue
            }
        }
    }

    /// Garbage on an open link closes it with a reason; the process and its other links go on.
    @Test func garbageOnAnOpenLink() async throws {
        let pair = try await Pair()
        let tls = try TestCluster.clientTLS(pair.authority, of: "lockstep://demo/worker/w0")
        let peer = try await RawPeer.connect(to: pair.listener.address, tls: tls)
        await peer.somethingHeard()
        let greeting = try ControlMessageCoding.encode(Pair.greeting("w0", "w1"))
        try await peer.send(FrameHeader(kind: .link, length: UInt32(greeting.count)).bytes + greeting)
        peer.trySend([UInt8](repeating: 0x47, count: 5000))
        _ = try await peer.closed()
        var last: TestReceiver.Event?
        for await event in pair.received {
            last = event
            if case .closed = event { break }
        }
        guard case .closed(.violation(let reason)) = last else {
            Issue.record("\(String(describing: last))")
            return
        }
        #expect(reason.contains("sent a damaged frame: a frame begins with 0x534c"))
        _ = try await pair.dial()
    }

    @Test(arguments: [
        FrameHeader(kind: .message, length: 4).bytes + Array("null".utf8),
        FrameHeader(kind: .link, length: 4).bytes + Array("null".utf8),
        FrameHeader(kind: .link, length: 4097).bytes,
        [UInt8](repeating: 1, count: 40),
    ])
    func wrongFirstFrame(_ bytes: [UInt8]) async throws {
        let pair = try await Pair()
        let tls = try TestCluster.clientTLS(pair.authority, of: "lockstep://demo/worker/w0")
        let peer = try await RawPeer.connect(to: pair.listener.address, tls: tls)
        await peer.somethingHeard()
        peer.trySend(bytes)
        let end = try await peer.closed()
        #expect(end.text.contains("\"type\":\"refused\""))
        #expect(await pair.log.nextWarning().hasPrefix("refused 127.0.0.1:"))
        _ = try await pair.dial()
    }

    // MARK: Secrecy

    @Test func nothingOfAPayloadIsVisible() async throws {
        var random = SeededGenerator(seed: 14)
        let secret = random.bytes(20_000)
        let pair = try await Pair()
        let proxy = try await RecordingProxy(to: pair.listener.address)
        _ = try await pair.dial(
            through: proxy.address,
            onOpen: {
                $0.send(FrameHeader(kind: .total, length: UInt32(secret.count)), bytes: secret)
                $0.flush()
            }
        )
        let received = await collect(1, pair.received)
        #expect(received.first?.1 == secret)
        #expect(proxy.bytes.count > secret.count)
        #expect(!proxy.saw(secret))
        #expect(!proxy.saw(Array("\"peerName\":\"w1\"".utf8), width: 12))
    }

    @Test func nothingOfAMessageIsVisible() async throws {
        let cluster = try await TestCluster()
        let proxy = try await RecordingProxy(to: cluster.listener.address)
        let identity = try cluster.authority.identity(.init("lockstep://demo/worker/w0"))
        let worker = try await cluster.dial(identity, as: "w0", to: proxy.address)
        let (link, _) = try #require(await cluster.nextLink())
        var random = SeededGenerator(seed: 15)
        let secret = random.bytes(5000)
        try await link.send(ControlFrame(kind: .share, payload: ByteBuffer(bytes: secret)))
        let heard = try await worker.run { frames in
            for try await frame in frames { return Array(frame.payload.readableBytesView) }
            return []
        }
        #expect(heard == secret)
        #expect(!proxy.saw(secret))
        #expect(!proxy.saw(Array("\"instructionSet\"".utf8)))
    }

    /// The canary: the same proxy does see the same bytes where there is no TLS.
    @Test func theProxyWouldSeeThem() async throws {
        var random = SeededGenerator(seed: 14)
        let secret = random.bytes(20_000)
        let server = try await PlainServer(saying: "sixteen bytes are enough")
        let proxy = try await RecordingProxy(to: server.address, cutBySeed: 3)
        let peer = try await RawPeer.connect(to: proxy.address)
        await peer.somethingHeard()
        try await peer.send(secret)
        await server.heard(secret.count)
        #expect(proxy.saw(Array(secret[9000..<9016])))
        #expect(proxy.saw(Array("sixteen bytes are enough".utf8)))
        #expect(!proxy.saw(random.bytes(16)))
        peer.close()
    }
}
