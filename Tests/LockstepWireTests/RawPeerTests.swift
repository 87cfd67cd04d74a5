import LockstepCluster
import LockstepCollectives
import LockstepTestSupport
import LockstepWire
import LockstepWireTestSupport
import NIOCore
import Testing

/// Peers that speak something else, or the right thing wrongly, before and after they are trusted.
@Suite(.timeLimit(.minutes(Patience.minutesOfTest)), .ownThreads)
struct RawPeerTests {
    private static let seed: UInt64 = 20_260_521

    private func frame(_ kind: FrameKind, _ payload: [UInt8]) -> [UInt8] {
        FrameHeader(kind: kind, length: UInt32(payload.count)).bytes + payload
    }

    private var hello: [UInt8] {
        get throws { frame(.message, try ControlMessageCoding.encode(.hello(TestCluster.hello("w0")))) }
    }

    // MARK: Before TLS

    @Test(arguments: [
        ("GET / HTTP/1.1\r\nHost: x\r\n\r\n", "it speaks plain HTTP, not TLS"),
        ("CONNECT x:443 HTTP/1.1\r\n\r\n", "it speaks plain HTTP, not TLS"),
        ("SSH-2.0-OpenSSH_9.6\r\n", "it does not speak TLS"),
    ])
    func otherProtocols(_ text: String, _ words: String) async throws {
        let cluster = try await TestCluster()
        let peer = try await RawPeer.connect(to: cluster.listener.address)
        peer.trySend(Array(text.utf8))
        _ = try await peer.closed()
        #expect(await cluster.log.nextWarning().hasSuffix(words))
        try await cluster.expectService()
        #expect(cluster.log.warnings.count == 1)
    }

    @Test func frameWithoutTLS() async throws {
        let cluster = try await TestCluster()
        let peer = try await RawPeer.connect(to: cluster.listener.address)
        peer.trySend(try hello)
        _ = try await peer.closed()
        #expect(await cluster.log.nextWarning().hasSuffix("it does not speak TLS"))
        try await cluster.expectService()
    }

    @Test func randomBytes() async throws {
        let cluster = try await TestCluster()
        var random = SeededGenerator(seed: RawPeerTests.seed)
        for round in 0..<50 {
            let peer = try await RawPeer.connect(to: cluster.listener.address)
            var bytes = random.bytes(Int.random(in: 5...2000, using: &random))
            // Half of them look like a TLS record at first.
            if round % 2 == 0 { bytes.replaceSubrange(0..<3, with: [22, 3, 1]) }
            peer.trySend(bytes)
            // A record that promises more than comes waits for the deadline; closing ends it.
            if round % 2 == 0 { peer.close() }
            _ = try await peer.closed()
            let line = await cluster.log.nextWarning()
            #expect(line.hasPrefix("refused 127.0.0.1:"), "seed \(RawPeerTests.seed), round \(round): \(line)")
            #expect(!line.contains("\n"))
        }
        try await cluster.expectService()
        #expect(cluster.log.warnings.count == 50)
    }

    @Test(arguments: [[], [22], [22, 3, 1, 2, 0, 1, 0, 1]] as [[UInt8]])
    func unfinishedHandshake(_ bytes: [UInt8]) async throws {
        var limits = LinkLimits.patient
        limits.openingDeadline = .milliseconds(100)
        let cluster = try await TestCluster(limits: limits)
        let peer = try await RawPeer.connect(to: cluster.listener.address)
        for byte in bytes { peer.trySend([byte]) }
        let end = try await peer.closed()
        #expect(end.received.isEmpty)
        #expect(await cluster.log.nextWarning().hasSuffix("its TLS handshake was not finished within 100 ms"))
    }

    @Test func goneWithoutAWord() async throws {
        let cluster = try await TestCluster()
        let peer = try await RawPeer.connect(to: cluster.listener.address)
        peer.close()
        #expect(await cluster.log.nextWarning().hasSuffix("it closed the connection during the TLS handshake"))
        try await cluster.expectService()
    }

    // MARK: After TLS, before the first frame is accepted

    private func opened(_ cluster: TestCluster) async throws -> RawPeer {
        let peer = try await RawPeer.connect(
            to: cluster.listener.address, tls: cluster.clientTLS(of: "lockstep://demo/worker/w0")
        )
        await peer.somethingHeard()
        return peer
    }

    private static let firstFrames: [(String, [UInt8], String)] = [
        (
            "random",
            {
                var random = SeededGenerator(seed: RawPeerTests.seed); return random.bytes(100)
            }(), "a frame is damaged"
        ),
        (
            "too long", FrameHeader(kind: .message, length: 4097).bytes,
            "a frame of 4097 bytes came where 4096 are allowed"
        ),
        ("longest", FrameHeader(kind: .message, length: .max).bytes, "4096 are allowed"),
        ("gradient", FrameHeader(kind: .contribution, length: 4).bytes + [0, 0, 0, 0], "where a message is due"),
        ("empty", FrameHeader(kind: .message, length: 0).bytes, "not a message"),
        ("no JSON", FrameHeader(kind: .message, length: 2).bytes + [0x7b, 0xff], "not a message"),
        (
            "another message",
            FrameHeader(kind: .message, length: 43).bytes + Array(#"{"nonce":7,"reportedStep":0,"type":"ping"} "#.utf8),
            "its first message is not a HELLO"
        ),
        (
            "unknown version", [0x4c, 0x53, 9] + [UInt8](repeating: 0, count: 29),
            "frame version 9 is not 1"
        ),
    ]

    @Test(arguments: firstFrames.indices)
    func wrongFirstFrame(_ index: Int) async throws {
        let (_, bytes, words) = RawPeerTests.firstFrames[index]
        let cluster = try await TestCluster()
        let peer = try await opened(cluster)
        peer.trySend(bytes)
        let end = try await peer.closed()
        #expect(end.text.contains("\"type\":\"greeting\""))
        #expect(end.text.contains("\"type\":\"refused\""), "the peer learns why")
        let line = await cluster.log.nextWarning()
        #expect(line.contains(words), "\(line)")
        try await cluster.expectService()
        #expect(cluster.log.warnings.count == 1)
    }

    /// What a peer has sent too much must not cost it the reason.
    @Test func aTalkativePeerStillLearnsWhy() async throws {
        let cluster = try await TestCluster()
        for _ in 0..<5 {
            let peer = try await opened(cluster)
            for _ in 0..<100 {
                peer.trySend(FrameHeader(kind: .share, length: 1 << 20).bytes + [UInt8](repeating: 0, count: 5000))
            }
            let end = try await peer.closed()
            #expect(end.text.contains("4096 are allowed"), "\(end.errors)")
            #expect(await cluster.log.nextWarning().contains("4096 are allowed"))
        }
    }

    @Test func cutFirstFrame() async throws {
        let cluster = try await TestCluster()
        let peer = try await opened(cluster)
        try await peer.send(Array(try hello.dropLast()))
        peer.close()
        _ = try await peer.closed()
        #expect(await cluster.log.nextWarning().hasSuffix("it closed the connection before its first frame"))
        try await cluster.expectService()
    }

    @Test(arguments: [0, 1, 31, 33])
    func slowFirstFrame(_ count: Int) async throws {
        var limits = LinkLimits.patient
        limits.firstFrameDeadline = .seconds(3)
        let cluster = try await TestCluster(limits: limits)
        let peer = try await opened(cluster)
        for byte in try hello.prefix(count) { peer.trySend([byte]) }
        // Closed without a word: a refusal would be final, and a slow peer may try again.
        let end = try await peer.closed()
        #expect(!end.text.contains("refused"))
        #expect(await cluster.log.nextWarning().hasSuffix("its first frame did not come within 3 s"))
        #expect(cluster.log.warnings.count == 1)
    }

    @Test func firstFrameInPieces() async throws {
        let cluster = try await TestCluster()
        let peer = try await opened(cluster)
        // A second frame right behind it must not be lost.
        let second = frame(
            .message, try ControlMessageCoding.encode(.pong(Pong(nonce: 1, step: 2, stage: .load, waitingFor: []))))
        for byte in try hello + second { try await peer.send([byte]) }
        let (link, _) = try #require(await cluster.nextLink())
        let heard = try await link.run { frames in
            for try await frame in frames { return try frame.message() }
            throw LinkError.closed("nothing came")
        }
        guard case .pong = heard else {
            Issue.record("\(heard)")
            return
        }
    }

    // MARK: On an open link

    @Test(arguments: [
        (
            FrameHeader(kind: .message, length: 1 << 20 | 1).bytes,
            "a frame of 1048577 bytes came where 1048576 are allowed"
        ),
        (FrameHeader(kind: .share, length: .max).bytes, "1048576 are allowed"),
        ([UInt8](repeating: 0x41, count: 32), "a frame is damaged"),
        ([UInt8](repeating: 0x41, count: 100_000), "a frame is damaged"),
    ])
    func wrongLaterFrame(_ bytes: [UInt8], _ words: String) async throws {
        let cluster = try await TestCluster()
        let peer = try await opened(cluster)
        try await peer.send(try hello)
        let (link, _) = try #require(await cluster.nextLink())
        peer.trySend(bytes)
        let error = await #expect(throws: LinkError.self) {
            try await link.run { frames in for try await _ in frames {} }
        }
        #expect(error?.reason.contains(words) == true, "\(error?.reason ?? "")")
        _ = try await peer.closed()
        try await cluster.expectService()
    }

    @Test func cutLaterFrame() async throws {
        let cluster = try await TestCluster()
        let peer = try await opened(cluster)
        try await peer.send(try hello)
        let (link, _) = try #require(await cluster.nextLink())
        try await peer.send(FrameHeader(kind: .message, length: 10).bytes + [1, 2, 3])
        peer.close()
        let error = await #expect(throws: LinkError.self) {
            try await link.run { frames in for try await _ in frames {} }
        }
        #expect(error?.reason.contains("ended") == true, "\(error?.reason ?? "")")
    }

    /// A peer that never reads cannot make this side keep more than the limit.
    @Test func aPeerThatDoesNotRead() async throws {
        var limits = LinkLimits.patient
        limits.outboundBytes = 8 << 20
        let cluster = try await TestCluster(limits: limits, isPatient: false)
        let identity = try cluster.authority.identity(.init("lockstep://demo/worker/w0"))
        // Never run: nothing reads its frames.
        let worker = try await cluster.dial(identity, as: "w0")
        let (link, _) = try #require(await cluster.nextLink())
        let frame = ControlFrame(kind: .share, payload: ByteBuffer(repeating: 7, count: 1 << 20))
        let error = await #expect(throws: LinkError.self) {
            for _ in 0..<200 { link.post(frame) }
            try await link.run { frames in for try await _ in frames {} }
        }
        #expect(error?.reason.contains("does not read") == true, "\(error?.reason ?? "")")
        worker.close()
    }
}
