package import LockstepCore
package import NIOCore
internal import NIOSSL
internal import X509

/// The TLS settings of a process, built once and shared by all its connections: TLS 1.3 only, both sides show
/// certificates, the cluster's authority is the only root, and host names mean nothing. Copies share `revocations`.
package struct TLSContexts: Sendable {
    /// The protocol that both ends must have agreed on (ALPN).
    static let applicationProtocol = "lockstep/1"

    /// The name in this process's own certificate.
    package let name: PeerName
    package let certificate: PeerCertificate
    /// Whose certificates this process accepts no more; empty at first.
    package let revocations = Revocations()
    let server: NIOSSLContext
    let client: NIOSSLContext
    let authority: [Certificate]

    /// - Parameter shutdownTimeout: for a peer to say that it closes too; then its connection is cut.
    /// - Throws: `CommandError` (usage) for an identity that TLS cannot use.
    package init(_ identity: Identity, shutdownTimeout: TimeAmount = .seconds(1)) throws(CommandError) {
        let chain = try IdentityText.certificates(identity.certificate, "certificate.pem")
        let roots = try IdentityText.certificates(identity.authority, "authority.pem")
        let key = try IdentityText.privateKey(identity.key, "key.pem")
        do {
            let privateKey = NIOSSLPrivateKeySource.privateKey(try IdentityText.tlsKey(key))
            let trustRoots = NIOSSLTrustRoots.certificates(roots.map(\.tls))
            var server = TLSConfiguration.makeServerConfigurationWithMTLS(
                certificateChain: chain.map { .certificate($0.tls) },
                privateKey: privateKey,
                trustRoots: trustRoots
            )
            var client = TLSConfiguration.makeClientConfiguration()
            client.certificateChain = chain.map { .certificate($0.tls) }
            client.privateKey = privateKey
            client.trustRoots = trustRoots
            TLSContexts.restrict(&server, shutdownTimeout)
            TLSContexts.restrict(&client, shutdownTimeout)
            self.server = try NIOSSLContext(configuration: server)
            self.client = try NIOSSLContext(configuration: client)
            certificate = try PeerCertificate(chain[0].certificate, encoded: chain[0].encoded)
        } catch {
            throw .usage("the identity of \(identity.name) cannot be used for TLS: \("\(error)".escapedForDisplay())")
        }
        name = identity.name
        authority = roots.map(\.certificate)
    }

    private static func restrict(_ configuration: inout TLSConfiguration, _ shutdownTimeout: TimeAmount) {
        configuration.minimumTLSVersion = .tlsv13
        configuration.maximumTLSVersion = .tlsv13
        configuration.certificateVerification = .noHostnameVerification
        configuration.applicationProtocols = [applicationProtocol]
        configuration.renegotiationSupport = .none
        configuration.shutdownTimeout = shutdownTimeout
    }
}
