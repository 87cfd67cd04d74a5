package import LockstepCore

#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

/// One line of an authority's `issued.jsonl`: enough to revoke the certificate later without having it.
package struct IssuedCertificate: Sendable, Codable, Equatable {
    package let name: PeerName
    package let serial: String
    package let notBefore: String
    package let notAfter: String
    package let fingerprint: Digest
    /// SHA-256 of the public key.
    package let key: Digest

    init(_ certificate: PeerCertificate) {
        name = certificate.name
        serial = certificate.serial
        notBefore = PeerCertificate.shown(certificate.notBefore)
        notAfter = PeerCertificate.shown(certificate.notAfter)
        fingerprint = certificate.fingerprint
        key = certificate.key
    }

    /// The line, without its end.
    func line() throws(CommandError) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            return String(decoding: try encoder.encode(self), as: UTF8.self)
        } catch {
            throw .failed("the record of a certificate cannot be written: \("\(error)".escapedForDisplay())")
        }
    }
}
