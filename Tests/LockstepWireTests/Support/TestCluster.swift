import LockstepCluster
import LockstepCore
import LockstepTestSupport
import LockstepWire
import LockstepWireTestSupport
import NIOCore
import NIOPosix
import NIOSSL
import Testing

/// A coordinator's listener on a free port of this machine, and what it sees.
final class TestCluster: Sendable {
    let authority: TestAuthority
    let log = LogRecorder()
    let contexts: TLSContexts
    let listener: SecureListener
    let group = MultiThreadedEventLoopGroup.singleton
    private let stream: AsyncStream<(ControlLink, Hello)>

    /// - Parameter isPatient: false for a peer that does not close when it is told to.
    init(
        limits: LinkLimits = .patient, coordinator: Identity? = nil, authority: TestAuthority? = nil,
        isPatient: Bool = true
    ) async throws {
        let authority = try authority ?? TestAuthority()
        let identity = try coordinator ?? authority.identity(.init("lockstep://demo/coordinator/c0"))
        let (stream, continuation) = AsyncStream.makeStream(of: (ControlLink, Hello).self)
        self.authority = authority
        self.stream = stream
        contexts = try isPatient ? .patient(identity) : TLSContexts(identity)
        listener = try await SecureListener.control(
            at: Endpoint(host: "127.0.0.1", port: 0), on: group, contexts: contexts, limits: limits,
            logger: log.logger
        ) { link, hello in continuation.yield((link, hello)) }
    }

    static func hello(_ name: String) -> Hello {
        Hello(
            name: name, process: ProcessNumber(17), host: "here", processIdentifier: 1, purpose: .control,
            version: "1", instructionSet: "generic", threads: 1
        )
    }

    /// Client settings that trust the cluster; with a certificate of this name, or with none.
    func clientTLS(of uri: String? = nil) throws -> TLSConfiguration { try TestCluster.clientTLS(authority, of: uri) }

    static func clientTLS(_ authority: TestAuthority, of uri: String? = nil) throws -> TLSConfiguration {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(authority.pem.utf8)))
        tls.certificateVerification = .noHostnameVerification
        tls.applicationProtocols = ["lockstep/1"]
        if let uri {
            let (certificate, key) = try authority.leaf(.init(uri))
            try show(certificate, key, in: &tls)
        }
        return tls
    }

    /// Client settings that trust the cluster, with this identity.
    func clientTLS(as identity: Identity) throws -> TLSConfiguration {
        var tls = try clientTLS()
        try TestCluster.show(identity.certificate, identity.key, in: &tls)
        return tls
    }

    private static func show(_ certificate: String, _ key: String, in tls: inout TLSConfiguration) throws {
        tls.certificateChain = try NIOSSLCertificate.fromPEMBytes(Array(certificate.utf8)).map { .certificate($0) }
        tls.privateKey = .privateKey(try NIOSSLPrivateKey(bytes: Array(key.utf8), format: .pem))
    }

    func nextLink() async -> (ControlLink, Hello)? {
        for await link in stream { return link }
        return nil
    }

    func dial(
        _ identity: Identity, as name: String, to endpoint: Endpoint? = nil, timeout: TimeAmount = .patience
    ) async throws -> ControlLink {
        try await ControlDialer(group: group, contexts: .patient(identity))
            .connect(to: endpoint ?? listener.address, hello: TestCluster.hello(name), timeout: timeout)
    }

    /// A good worker connects, and a message goes each way.
    func expectService(_ name: String = "w0", location: SourceLocation = #_sourceLocation) async throws {
        let worker = try await dial(authority.identity(.init("lockstep://demo/worker/\(name)")), as: name)
        guard let (link, hello) = await nextLink() else {
            Issue.record("no link was accepted", sourceLocation: location)
            return
        }
        #expect(hello == TestCluster.hello(name), sourceLocation: location)
        #expect(link.peer.name.name == name, sourceLocation: location)
        try link.post(.ping(Ping(nonce: 7)))
        let heard = try await worker.run { frames in
            for try await frame in frames { return try frame.message() }
            throw LinkError.closed("nothing came")
        }
        #expect(heard == .ping(Ping(nonce: 7)), sourceLocation: location)
        try await link.run { frames in for try await _ in frames {} }
    }

    /// Runs `dial`, which must be refused: the dialler learns `told`, the log says `logged` once, service goes on.
    func expectRefusal(
        told: String, logged: String, location: SourceLocation = #_sourceLocation,
        _ dial: () async throws -> Void
    ) async throws {
        let before = log.warnings.count
        let error = await #expect(throws: LinkError.self, sourceLocation: location) { try await dial() }
        #expect(error?.reason.contains(told) == true, "told: \(error?.reason ?? "")", sourceLocation: location)
        #expect(error?.commandError.exitCode == .refused, sourceLocation: location)
        #expect(error?.isWorthRetrying == false, sourceLocation: location)
        let line = await log.nextWarning()
        #expect(line.hasPrefix("refused 127.0.0.1:"), sourceLocation: location)
        #expect(line.contains(logged), "logged: \(line)", sourceLocation: location)
        try await expectService(location: location)
        #expect(log.warnings.count == before + 1, "\(log.warnings)", sourceLocation: location)
    }
}
