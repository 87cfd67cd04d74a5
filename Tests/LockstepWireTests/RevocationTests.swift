import LockstepCluster
import LockstepCollectives
import LockstepCore
import LockstepTestSupport
import LockstepWire
import LockstepWireTestSupport
import NIOCore
import NIOPosix
import Testing

/// Certificates that are revoked before their holders connect, while they connect, and while they are connected.
@Suite(.timeLimit(.minutes(Patience.minutesOfTest)), .ownThreads)
struct RevocationTests {
    private static func list(_ certificate: PeerCertificate, byKey: Bool = false) -> DenyList {
        DenyList(fingerprints: [byKey ? "key:\(certificate.key)" : "serial:\(certificate.serial)"])
    }

    private static func list(_ identity: Identity, byKey: Bool = false) throws -> DenyList {
        try list(TLSContexts(identity).certificate, byKey: byKey)
    }

    /// Ends with what the coordinator says.
    private func run(_ link: ControlLink) async throws {
        try await link.run { frames in
            for try await frame in frames {
                guard case .refused(let reason) = try frame.message() else { continue }
                throw LinkError.refused(reason)
            }
        }
    }

    // MARK: Control and bulk

    /// Another certificate of the same name is served afterwards.
    @Test(arguments: [false, true])
    func beforeConnecting(_ byKey: Bool) async throws {
        let cluster = try await TestCluster()
        let identity = try cluster.authority.identity(.init("lockstep://demo/worker/w0"))
        cluster.contexts.revocations.replace(try RevocationTests.list(identity, byKey: byKey))
        try await cluster.expectRefusal(
            told: "the certificate of lockstep://demo/worker/w0 was revoked",
            logged: "the certificate of lockstep://demo/worker/w0 was revoked"
        ) {
            try await run(cluster.dial(identity, as: "w0"))
        }
    }

    /// What is not on the list any more is let in again.
    @Test func notRevokedAfterAll() async throws {
        let cluster = try await TestCluster()
        let identity = try cluster.authority.identity(.init("lockstep://demo/worker/w0"))
        cluster.contexts.revocations.replace(try RevocationTests.list(identity))
        cluster.contexts.revocations.replace(DenyList())
        _ = try await cluster.dial(identity, as: "w0")
        let (link, _) = try #require(await cluster.nextLink())
        #expect(try RevocationTests.list(identity).denies(link.peer))
    }

    /// Both connections of a worker, as control and bulk are, and nobody else's.
    @Test func whileConnected() async throws {
        let cluster = try await TestCluster()
        let revoked = try cluster.authority.identity(.init("lockstep://demo/worker/w0"))
        var ends: [(worker: ControlLink, coordinator: ControlLink)] = []
        for _ in 0..<2 {
            let worker = try await cluster.dial(revoked, as: "w0")
            ends.append((worker, try #require(await cluster.nextLink()).0))
        }
        let other = try await cluster.dial(cluster.authority.identity(.init("lockstep://demo/worker/w1")), as: "w1")
        let (otherLink, _) = try #require(await cluster.nextLink())

        cluster.contexts.revocations.replace(try RevocationTests.list(revoked))
        for end in ends {
            let told = await #expect(throws: LinkError.self) { try await run(end.worker) }
            #expect(told == .refused("the certificate of lockstep://demo/worker/w0 was revoked"))
            let known = await #expect(throws: LinkError.self) { try await run(end.coordinator) }
            #expect(known?.commandError.exitCode == .refused)
            #expect(known?.reason.hasPrefix("w0 at 127.0.0.1:") == true, "\(known?.reason ?? "")")
            #expect(known?.reason.contains("the certificate of lockstep://demo/worker/w0 was revoked") == true)
        }
        try otherLink.post(.ping(Ping(nonce: 5)))
        let heard = try await other.run { frames in
            for try await frame in frames { return try frame.message() }
            throw LinkError.closed("nothing came")
        }
        #expect(heard == .ping(Ping(nonce: 5)))
    }

    /// Nothing that a peer does or leaves undone keeps its connection open.
    @Test func aPeerThatDoesNotRead() async throws {
        let cluster = try await TestCluster(isPatient: false)
        let uri = "lockstep://demo/worker/w0"
        let peer = try await RawPeer.connect(to: cluster.listener.address, tls: cluster.clientTLS(of: uri))
        await peer.somethingHeard()
        peer.stopReading()
        let hello = try ControlFrame(.hello(TestCluster.hello("w0")))
        try await peer.send(RevocationTests.bytes(hello))
        let (link, _) = try #require(await cluster.nextLink())
        cluster.contexts.revocations.replace(RevocationTests.list(link.peer))
        let known = await #expect(throws: LinkError.self) { try await run(link) }
        #expect(known?.reason.contains("was revoked") == true)
        peer.close()
    }

    private static func bytes(_ frame: ControlFrame) -> [UInt8] {
        var header = [UInt8](repeating: 0, count: FrameHeader.byteCount)
        header.withUnsafeMutableBytes { frame.header.encode(into: $0) }
        return header + Array(frame.payload.readableBytesView)
    }

    /// Let in by TLS, but not heard yet.
    @Test func whileConnecting() async throws {
        let cluster = try await TestCluster()
        let identity = try cluster.authority.identity(.init("lockstep://demo/worker/w0"))
        let peer = try await RawPeer.connect(to: cluster.listener.address, tls: cluster.clientTLS(as: identity))
        await peer.somethingHeard()
        cluster.contexts.revocations.replace(try RevocationTests.list(identity))
        let end = try await peer.closed()
        #expect(end.text.contains("the certificate of lockstep://demo/worker/w0 was revoked"))
        #expect(await cluster.log.nextWarning().contains("was revoked"))
        try await cluster.expectService()
    }

    /// A worker that knows its coordinator's certificate to be revoked does not talk to it.
    @Test func aRevokedCoordinator() async throws {
        let cluster = try await TestCluster()
        let worker = try TLSContexts.patient(cluster.authority.identity(.init("lockstep://demo/worker/w0")))
        worker.revocations.replace(RevocationTests.list(cluster.contexts.certificate))
        let error = await #expect(throws: LinkError.self) {
            _ = try await ControlDialer(group: cluster.group, contexts: worker)
                .connect(to: cluster.listener.address, hello: TestCluster.hello("w0"), timeout: .patience)
        }
        #expect(error?.reason.hasSuffix("the certificate of lockstep://demo/coordinator/c0 was revoked") == true)
        #expect(error?.commandError.exitCode == .refused)
    }

    // MARK: Data links

    /// A worker w1 that listens, a worker w0 that dials, and what both see.
    private struct Workers {
        let dialing: TLSContexts
        let listening: TLSContexts
        let listener: SecureListener
        let log = LogRecorder()
        let received: AsyncStream<TestReceiver.Event>

        init() async throws {
            let authority = try TestAuthority()
            dialing = try TLSContexts.patient(authority.identity(.init("lockstep://demo/worker/w0")))
            listening = try TLSContexts.patient(authority.identity(.init("lockstep://demo/worker/w1")))
            let (stream, continuation) = AsyncStream.makeStream(of: TestReceiver.Event.self)
            received = stream
            listener = try await SecureListener.data(
                at: Endpoint(host: "127.0.0.1", port: 0), on: MultiThreadedEventLoopGroup.singleton,
                contexts: listening, limits: .patient, logger: log.logger
            ) { _, _ throws(LinkError) in
                DataLinkAdmission(
                    greeting: Workers.greeting("w1", "w0"), receiver: TestReceiver { continuation.yield($0) })
            }
        }

        private static func greeting(_ name: String, _ peer: String) -> LinkGreeting {
            LinkGreeting(
                generation: 3, name: name, process: ProcessNumber(1), peerName: peer, peerProcess: ProcessNumber(2))
        }

        func dial() async throws -> AsyncStream<TestReceiver.Event> {
            let (stream, continuation) = AsyncStream.makeStream(of: TestReceiver.Event.self)
            try await DataLinkDialer(group: MultiThreadedEventLoopGroup.singleton, contexts: dialing)
                .connect(
                    to: listener.address, greeting: Workers.greeting("w0", "w1"), timeout: .patience,
                    objection: { _ in nil },
                    receiver: { _ in TestReceiver { continuation.yield($0) } })
            return stream
        }
    }

    private func end(_ events: AsyncStream<TestReceiver.Event>) async -> LinkError? {
        for await event in events {
            if case .closed(let error) = event { return error }
        }
        return nil
    }

    @Test func dataLinkRefusedWhereItIsAccepted() async throws {
        let workers = try await Workers()
        workers.listening.revocations.replace(RevocationTests.list(workers.dialing.certificate))
        let error = await #expect(throws: LinkError.self) { _ = try await workers.dial() }
        #expect(error?.reason.contains("the certificate of lockstep://demo/worker/w0 was revoked") == true)
        #expect(error?.isWorthRetrying == false)
        #expect(await workers.log.nextWarning().contains("was revoked"))
        workers.listening.revocations.replace(DenyList())
        _ = try await workers.dial()
    }

    @Test func dataLinkRefusedWhereItIsDialled() async throws {
        let workers = try await Workers()
        workers.dialing.revocations.replace(RevocationTests.list(workers.listening.certificate, byKey: true))
        let error = await #expect(throws: LinkError.self) { _ = try await workers.dial() }
        #expect(error?.reason.contains("the certificate of lockstep://demo/worker/w1 was revoked") == true)
        #expect(error?.isWorthRetrying == false)
    }

    /// Whichever side learns it.
    @Test(arguments: [false, true])
    func dataLinkCut(_ dialerLearns: Bool) async throws {
        let workers = try await Workers()
        let dialed = try await workers.dial()
        // The canary: another certificate's revocation cuts nothing, so the link lives until it is meant.
        let stranger = try TestAuthority().identity(.init("lockstep://demo/worker/w0"))
        workers.dialing.revocations.replace(try RevocationTests.list(stranger))
        workers.listening.revocations.replace(try RevocationTests.list(stranger))
        let (learner, meant) =
            dialerLearns ? (workers.dialing, workers.listening) : (workers.listening, workers.dialing)
        learner.revocations.replace(RevocationTests.list(meant.certificate))
        let (own, other) = dialerLearns ? (dialed, workers.received) : (workers.received, dialed)
        let known = await end(own)
        #expect(known?.commandError.exitCode == .refused)
        #expect(known?.reason.contains("the certificate of \(meant.name) was revoked") == true)
        #expect(await end(other)?.isWorthRetrying == true)
    }
}
