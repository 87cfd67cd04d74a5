internal import Crypto
package import LockstepCore
internal import SwiftASN1
internal import X509

#if canImport(FoundationEssentials)
package import FoundationEssentials
#else
package import Foundation
#endif

/// A cluster's own certificate authority. It lives in a directory, or only in memory for a run on one machine.
package struct Authority: Sendable, CustomStringConvertible {
    package let cluster: String
    /// The authority's certificate, PEM.
    package let certificate: String
    private let parsed: Certificate
    private let key: Certificate.PrivateKey
    private let directory: String?

    /// A clock that is a little slow must not refuse what was issued just now.
    private static let backDating: TimeInterval = 300
    private static let ownDays = 3650

    /// A new authority in memory; nothing touches the disk.
    package init(cluster: String, now: Date = Date()) throws(CommandError) {
        // The label rule of names is the cluster's too.
        _ = try PeerName(cluster: cluster, role: .coordinator, name: "x")
        let key = Certificate.PrivateKey(P256.Signing.PrivateKey())
        do {
            let name = try DistinguishedName { CommonName(cluster) }
            parsed = try Certificate(
                version: .v3,
                serialNumber: .init(),
                publicKey: key.publicKey,
                notValidBefore: now - Authority.backDating,
                notValidAfter: now + TimeInterval(Authority.ownDays) * 86400,
                issuer: name,
                subject: name,
                extensions: try Certificate.Extensions {
                    Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
                    Critical(KeyUsage(keyCertSign: true, cRLSign: true))
                    SubjectKeyIdentifier(hash: key.publicKey)
                },
                issuerPrivateKey: key
            )
            certificate = try parsed.serializeAsPEM().pemString + "\n"
        } catch {
            throw .failed("the authority's certificate cannot be made: \("\(error)".escapedForDisplay())")
        }
        self.cluster = cluster
        self.key = key
        directory = nil
    }

    /// Creates `authority.pem`, `authority-key.pem` (0600) and the empty `issued.jsonl` and `denied.jsonl`.
    ///
    /// - Throws: `CommandError` (usage) when one of them exists already or cannot be written.
    package static func create(cluster: String, directory: String) throws(CommandError) -> Authority {
        let authority = try Authority(cluster: cluster)
        let paths = AuthorityPaths(directory)
        for path in paths.all where PrivateFiles.exists(path) { throw PrivateFiles.alreadyThere(path) }
        try PrivateFiles.makeDirectory(directory)
        try PrivateFiles.create(paths.key, authority.keyText(), mode: 0o600)
        try PrivateFiles.create(paths.issued, "", mode: 0o600)
        try PrivateFiles.create(paths.denied, "", mode: 0o600)
        try PrivateFiles.create(paths.certificate, authority.certificate, mode: 0o644)
        return try Authority(directory: directory)
    }

    /// Opens an authority, made by this or any other tool.
    ///
    /// - Parameter cluster: the cluster's name where the authority's common name is none.
    package init(directory: String, cluster: String? = nil) throws(CommandError) {
        let paths = AuthorityPaths(directory)
        if let mode = PrivateFiles.mode(of: paths.key) { try Identity.requirePrivate(paths.key, mode) }
        let shownCertificate = PrivateFiles.shown(paths.certificate)
        let text = try PrivateFiles.read(paths.certificate)
        let first = try IdentityText.certificates(text, shownCertificate)[0].certificate
        key = try IdentityText.privateKey(PrivateFiles.read(paths.key), PrivateFiles.shown(paths.key))
        guard first.publicKey == key.publicKey else {
            throw .usage("\(PrivateFiles.shown(paths.key)) is not the key of \(shownCertificate)")
        }
        guard case .isCertificateAuthority? = try? first.extensions.basicConstraints else {
            throw .usage("\(shownCertificate) is no authority's certificate: it may not sign others")
        }
        guard let name = cluster ?? Authority.commonName(first), PeerName.isLabel(name) else {
            throw .usage(
                "\(shownCertificate): its common name is no cluster name; name the cluster yourself with --cluster"
            )
        }
        self.cluster = name
        certificate = text
        parsed = first
        self.directory = directory
    }

    /// Issues a certificate with a fresh key, and notes it in `issued.jsonl` before anybody can use it.
    ///
    /// - Parameters:
    ///   - days: how long it is valid; never beyond the authority itself.
    ///   - target: the directory to write it to, checked first, so that a refused write leaves no certificate behind.
    package func issue(
        role: PeerRole, name: String, days: Int = 90, into target: String? = nil, now: Date = Date()
    ) throws(CommandError) -> Identity {
        guard (1...36500).contains(days) else { throw .usage("--days \(days): a certificate lives 1 to 36500 days") }
        let peer = try PeerName(cluster: cluster, role: role, name: name)
        if let target {
            for path in IdentityPaths(target).all where PrivateFiles.exists(path) {
                throw PrivateFiles.alreadyThere(path)
            }
        }
        let leafKey = Certificate.PrivateKey(P256.Signing.PrivateKey())
        let identity: Identity
        let record: IssuedCertificate
        do {
            let leaf = try makeLeaf(for: peer, leafKey, days: days, now: now)
            let document = try leaf.serializeAsPEM()
            identity = try Identity(
                certificate: document.pemString + "\n",
                key: leafKey.serializeAsPEM().pemString + "\n",
                authority: certificate
            )
            record = IssuedCertificate(try PeerCertificate(leaf, encoded: document.derBytes))
        } catch {
            throw .failed("the certificate of \(peer) cannot be made: \("\(error)".escapedForDisplay())")
        }
        if let directory { try PrivateFiles.append(record.line(), to: AuthorityPaths(directory).issued) }
        if let target { try identity.write(to: target) }
        return identity
    }

    /// Never shows the key.
    package var description: String { "Authority(\(cluster))" }

    private func makeLeaf(
        for peer: PeerName, _ leafKey: Certificate.PrivateKey, days: Int, now: Date
    ) throws -> Certificate {
        let keyIdentifier = try parsed.extensions.subjectKeyIdentifier?.keyIdentifier
        return try Certificate(
            version: .v3,
            serialNumber: .init(),
            publicKey: leafKey.publicKey,
            notValidBefore: max(now - Authority.backDating, parsed.notValidBefore),
            notValidAfter: min(now + TimeInterval(days) * 86400, parsed.notValidAfter),
            issuer: parsed.subject,
            subject: try DistinguishedName { CommonName(peer.name) },
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                Critical(KeyUsage(digitalSignature: true))
                try ExtendedKeyUsage([.serverAuth, .clientAuth])
                SubjectAlternativeNames([.uniformResourceIdentifier(peer.description)])
                SubjectKeyIdentifier(hash: leafKey.publicKey)
                if let keyIdentifier { AuthorityKeyIdentifier(keyIdentifier: keyIdentifier) }
            },
            issuerPrivateKey: key
        )
    }

    private func keyText() throws(CommandError) -> String {
        do {
            return try key.serializeAsPEM().pemString + "\n"
        } catch {
            throw .failed("the authority's key cannot be written: \("\(error)".escapedForDisplay())")
        }
    }

    private static func commonName(_ certificate: Certificate) -> String? {
        for attributes in certificate.subject {
            for attribute in attributes where attribute.type == .RDNAttributeType.commonName {
                return String(attribute.value)
            }
        }
        return nil
    }
}

/// The files of an authority directory.
struct AuthorityPaths {
    let certificate: String
    let key: String
    let issued: String
    let denied: String

    init(_ directory: String) {
        certificate = directory + "/authority.pem"
        key = directory + "/authority-key.pem"
        issued = directory + "/issued.jsonl"
        denied = directory + "/denied.jsonl"
    }

    var all: [String] { [certificate, key, issued, denied] }
}
