import FoundationEssentials
import LockstepCluster
import LockstepCore
import LockstepTestSupport
import LockstepWire
import LockstepWireTestSupport
import NIOCore
import NIOSSL
import Testing
import X509

/// Who is refused, in which words on both sides, and that nobody else notices.
@Suite(.timeLimit(.minutes(Patience.minutesOfTest)), .ownThreads)
struct RefusalTests {
    private func expectRefusal(
        _ shape: TestAuthority.Shape, as name: String = "w0", signedBy other: TestAuthority? = nil, told: String,
        logged: String, location: SourceLocation = #_sourceLocation
    ) async throws {
        let cluster = try await TestCluster()
        let identity = try (other ?? cluster.authority).identity(shape, trusting: cluster.authority)
        try await cluster.expectRefusal(told: told, logged: logged, location: location) {
            let link = try await cluster.dial(identity, as: name)
            // The refusal of a HELLO is the first message.
            try await link.run { frames in
                for try await frame in frames {
                    guard case .refused(let reason) = try frame.message() else { continue }
                    throw LinkError.refused(reason)
                }
            }
        }
    }

    @Test func aGoodPeerIsServed() async throws {
        let cluster = try await TestCluster()
        try await cluster.expectService()
        #expect(cluster.log.warnings.isEmpty)
    }

    @Test func anotherAuthority() async throws {
        try await expectRefusal(
            .init("lockstep://demo/worker/w0"), signedBy: TestAuthority("other"),
            told: "it was signed by another authority", logged: "its certificate was signed by another authority"
        )
    }

    /// One that comes in many pieces, still arriving while it is judged.
    @Test func aLongCertificate() async throws {
        let cluster = try await TestCluster()
        var shape = TestAuthority.Shape("lockstep://demo/worker/w0")
        shape.extraNames = (0..<1200).map { .dnsName("name-\($0).of.a.long.certificate.example") }
        let identity = try TestAuthority("other").identity(shape, trusting: cluster.authority)
        for _ in 0..<20 {
            let error = await #expect(throws: LinkError.self) { _ = try await cluster.dial(identity, as: "w0") }
            #expect(error?.commandError.exitCode == .refused, "\(error?.reason ?? "")")
            #expect(await cluster.log.nextWarning().contains("signed by another authority"))
        }
    }

    @Test func anotherAuthorityOfTheSameName() async throws {
        try await expectRefusal(
            .init("lockstep://demo/worker/w0"), signedBy: TestAuthority("demo"),
            told: "refused this side's certificate", logged: "its certificate was signed by another authority"
        )
    }

    @Test func selfSigned() async throws {
        var shape = TestAuthority.Shape("lockstep://demo/worker/w0")
        shape.isSelfSigned = true
        try await expectRefusal(shape, told: "it was signed by another authority", logged: "is self-signed")
    }

    @Test func expired() async throws {
        var shape = TestAuthority.Shape("lockstep://demo/worker/w0")
        shape.notBefore = Date() - 7200
        shape.notAfter = Date() - 3600
        try await expectRefusal(shape, told: "it has expired", logged: "its certificate expired on 20")
    }

    @Test func notYetValid() async throws {
        var shape = TestAuthority.Shape("lockstep://demo/worker/w0")
        shape.notBefore = Date() + 3600
        shape.notAfter = Date() + 7200
        try await expectRefusal(shape, told: "not valid yet", logged: "its certificate is not valid before 20")
    }

    @Test func notForClients() async throws {
        var shape = TestAuthority.Shape("lockstep://demo/worker/w0")
        shape.usages = [.serverAuth]
        try await expectRefusal(shape, told: "not fit for this use", logged: "not fit for this use")
    }

    @Test(arguments: [PeerRole.coordinator, .operator])
    func anotherRole(_ role: PeerRole) async throws {
        try await expectRefusal(
            .init("lockstep://demo/\(role.rawValue)/w0"), told: "has the role \(role.rawValue), expected worker",
            logged: "has the role \(role.rawValue), expected worker"
        )
    }

    @Test func anotherCluster() async throws {
        try await expectRefusal(
            .init("lockstep://else/worker/w0"), told: "is of cluster demo, this is cluster else",
            logged: "is of cluster else, this is cluster demo"
        )
    }

    @Test func anotherNameInHello() async throws {
        try await expectRefusal(
            .init("lockstep://demo/worker/w0"), as: "w1\u{1b}[2J", told: "it says it is \"w1\\u{1b}[2J\"",
            logged: "it says it is \"w1\\u{1b}[2J\", but its certificate is of lockstep://demo/worker/w0"
        )
    }

    /// Certificates that no identity can hold: dialled with bare TLS.
    @Test(arguments: [
        ([], "has no lockstep:// URI"),
        (["lockstep://demo/worker/w0", "lockstep://demo/worker/w1"], "has 2 URIs where one is allowed"),
        (["lockstep://demo/worker/W0"], "is no Lockstep name"),
        (["lockstep://demo/worker/w0/"], "is no Lockstep name"),
        (["lockstep://demo/worker/%77"], "is no Lockstep name"),
        (["lockstep://demo/worker/.."], "is no Lockstep name"),
        (["https://demo/worker/w0"], "is no Lockstep name"),
    ])
    func oddNames(_ uris: [String], _ words: String) async throws {
        let cluster = try await TestCluster()
        var shape = TestAuthority.Shape()
        shape.uris = uris
        let (certificate, key) = try cluster.authority.leaf(shape)
        var tls = try cluster.clientTLS()
        tls.certificateChain = try NIOSSLCertificate.fromPEMBytes(Array(certificate.utf8)).map { .certificate($0) }
        tls.privateKey = .privateKey(try NIOSSLPrivateKey(bytes: Array(key.utf8), format: .pem))
        let peer = try await RawPeer.connect(to: cluster.listener.address, tls: tls)
        let end = try await peer.closed()
        #expect(end.text.contains("\"type\":\"refused\"") && end.text.contains(words))
        #expect(await cluster.log.nextWarning().contains(words))
        try await cluster.expectService()
        #expect(cluster.log.warnings.count == 1)
    }

    @Test func noCertificate() async throws {
        let cluster = try await TestCluster()
        let peer = try await RawPeer.connect(to: cluster.listener.address, tls: cluster.clientTLS())
        let end = try await peer.closed()
        #expect(end.errors.contains { $0.contains("CERTIFICATE_REQUIRED") })
        #expect(end.received.isEmpty)
        #expect(await cluster.log.nextWarning().hasSuffix("it showed no certificate"))
        try await cluster.expectService()
        #expect(cluster.log.warnings.count == 1)
    }

    @Test func olderTLS() async throws {
        let cluster = try await TestCluster()
        var tls = try cluster.clientTLS()
        tls.minimumTLSVersion = .tlsv1
        tls.maximumTLSVersion = .tlsv12
        let peer = try await RawPeer.connect(to: cluster.listener.address, tls: tls)
        let end = try await peer.closed()
        #expect(end.errors.contains { $0.contains("PROTOCOL_VERSION") })
        #expect(await cluster.log.nextWarning().hasSuffix("it does not speak TLS 1.3"))
        try await cluster.expectService()
        #expect(cluster.log.warnings.count == 1)
    }

    @Test func anotherApplicationProtocol() async throws {
        let cluster = try await TestCluster()
        for protocols in [[], ["h2"]] {
            var tls = try cluster.clientTLS(of: "lockstep://demo/worker/w0")
            tls.applicationProtocols = protocols
            let peer = try await RawPeer.connect(to: cluster.listener.address, tls: tls)
            let end = try await peer.closed()
            #expect(end.text.contains("does not offer the protocol lockstep"))
            #expect(await cluster.log.nextWarning().hasSuffix("it does not offer the protocol lockstep/1"))
        }
        try await cluster.expectService()
    }

    /// The dialling side judges too.
    @Test func coordinatorsThatAreNone() async throws {
        let authority = try TestAuthority()
        let worker = try authority.identity(.init("lockstep://demo/worker/w0"))
        let cases: [(Identity, String)] = [
            (try authority.identity(.init("lockstep://demo/worker/w9")), "has the role worker, expected coordinator"),
            (try authority.identity(.init("lockstep://else/coordinator/c0")), "is of cluster else"),
            (
                try TestAuthority("other").identity(.init("lockstep://demo/coordinator/c0"), trusting: authority),
                "its certificate was signed by another authority"
            ),
        ]
        for (identity, words) in cases {
            let cluster = try await TestCluster(coordinator: identity)
            let error = await #expect(throws: LinkError.self) { _ = try await cluster.dial(worker, as: "w0") }
            #expect(error?.reason.contains(words) == true, "\(error?.reason ?? "")")
            #expect(error?.commandError.exitCode == .refused)
        }
    }

    @Test func aCoordinatorRefusesLater() async throws {
        let cluster = try await TestCluster()
        let worker = try await cluster.dial(cluster.authority.identity(.init("lockstep://demo/worker/w0")), as: "w0")
        let (link, _) = try #require(await cluster.nextLink())
        link.refuse("w0 runs on node7 already")
        let heard = try await worker.run { frames in
            var heard: [ControlMessage] = []
            for try await frame in frames { heard.append(try frame.message()) }
            return heard
        }
        #expect(heard == [.refused(reason: "w0 runs on node7 already")])
    }

    @Test func nobodyThere() async throws {
        let cluster = try await TestCluster()
        let identity = try cluster.authority.identity(.init("lockstep://demo/worker/w0"))
        let silent = try SilentPort()
        let error = await #expect(throws: LinkError.self) {
            _ = try await cluster.dial(identity, as: "w0", to: silent.address)
        }
        #expect(error?.reason.contains("Connection refused") == true)
        #expect(error?.isWorthRetrying == true)
        #expect(error?.commandError.exitCode == .temporary)
    }

    @Test func somethingElseAnswers() async throws {
        let cluster = try await TestCluster()
        let identity = try cluster.authority.identity(.init("lockstep://demo/worker/w0"))
        let proxy = try await PlainServer(saying: "HTTP/1.1 200 OK\r\n\r\n")
        let error = await #expect(throws: LinkError.self) {
            _ = try await cluster.dial(identity, as: "w0", to: proxy.address)
        }
        #expect(error?.reason.contains("does not speak TLS") == true, "\(error?.reason ?? "")")
    }

    @Test func silence() async throws {
        let cluster = try await TestCluster()
        let identity = try cluster.authority.identity(.init("lockstep://demo/worker/w0"))
        let silent = try await PlainServer(saying: "")
        let error = await #expect(throws: LinkError.self) {
            _ = try await cluster.dial(identity, as: "w0", to: silent.address, timeout: .milliseconds(50))
        }
        #expect(error?.reason.hasSuffix("answer within 50 ms") == true, "\(error?.reason ?? "")")
        #expect(error?.isWorthRetrying == true)
    }
}
