package import LockstepCore
internal import NIOSSL
internal import SwiftASN1
internal import X509

#if canImport(FoundationEssentials)
package import FoundationEssentials
#else
package import Foundation
#endif

/// What Lockstep reads in a certificate. Says nothing about who signed it.
package struct PeerCertificate: Sendable, Hashable {
    /// The certificate's one URI.
    package let name: PeerName
    /// Lower-case hexadecimal digits of the serial number.
    package let serial: String
    package let notBefore: Date
    package let notAfter: Date
    /// SHA-256 of the certificate (DER).
    package let fingerprint: Digest
    /// SHA-256 of the public key (SubjectPublicKeyInfo, DER).
    package let key: Digest

    /// - Throws: `LinkError.refused` in words fit for a log: no URI, several, or one that is no Lockstep name.
    init(_ certificate: Certificate, encoded: [UInt8]) throws(LinkError) {
        name = try PeerCertificate.name(in: certificate)
        serial = hexadecimalText(certificate.serialNumber.bytes)
        notBefore = certificate.notValidBefore
        notAfter = certificate.notValidAfter
        fingerprint = DigestBuilder.digest(of: encoded)
        key = DigestBuilder.digest(of: Array(certificate.publicKey.subjectPublicKeyInfoBytes))
    }

    init(_ certificate: NIOSSLCertificate) throws(LinkError) {
        let encoded: [UInt8]
        let parsed: Certificate
        do {
            encoded = try certificate.toDERBytes()
            parsed = try Certificate(derEncoded: encoded)
        } catch {
            throw .refused("its certificate cannot be read")
        }
        try self.init(parsed, encoded: encoded)
    }

    private static func name(in certificate: Certificate) throws(LinkError) -> PeerName {
        var uris: [String] = []
        do {
            for case .uniformResourceIdentifier(let uri) in try certificate.extensions.subjectAlternativeNames
                ?? .init()
            {
                uris.append(uri)
            }
        } catch {
            throw .refused("its certificate has alternative names that cannot be read")
        }
        guard let uri = uris.first else { throw .refused("its certificate has no lockstep:// URI") }
        guard uris.count == 1 else { throw .refused("its certificate has \(uris.count) URIs where one is allowed") }
        guard let name = PeerName(uri: uri) else {
            throw .refused("its certificate names \"\(uri.escapedForDisplay(limit: 120))\", which is no Lockstep name")
        }
        return name
    }

    /// Says in words why a chain of which this is the leaf does not hold; for logs only, after TLS has refused it.
    static func diagnosis(of leaf: NIOSSLCertificate?, authority: [Certificate], now: Date) -> String {
        guard let leaf else { return "its certificate was not accepted" }
        guard let encoded = try? leaf.toDERBytes(), let certificate = try? Certificate(derEncoded: encoded) else {
            return "its certificate cannot be read"
        }
        let signers = authority.filter {
            $0.subject == certificate.issuer
                && $0.publicKey.isValidSignature(certificate.signature, for: certificate)
        }
        if signers.isEmpty {
            if certificate.issuer == certificate.subject,
                certificate.publicKey.isValidSignature(certificate.signature, for: certificate)
            {
                return "its certificate is self-signed, not signed by this cluster's authority"
            }
            return "its certificate was signed by another authority"
        }
        if certificate.notValidAfter < now {
            return "its certificate expired on \(shown(certificate.notValidAfter))"
        }
        if certificate.notValidBefore > now {
            return "its certificate is not valid before \(shown(certificate.notValidBefore))"
        }
        if signers.allSatisfy({ $0.notValidAfter < now || $0.notValidBefore > now }) {
            return "the authority of its certificate is outside its own validity"
        }
        return "its certificate is not fit for this use (extended key usage or constraints)"
    }

    /// `2026-05-01T12:00:00Z`.
    static func shown(_ date: Date) -> String { date.formatted(.iso8601) }
}
