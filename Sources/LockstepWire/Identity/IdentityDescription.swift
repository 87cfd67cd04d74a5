package import LockstepCore

#if canImport(FoundationEssentials)
package import FoundationEssentials
#else
package import Foundation
#endif

/// What `lockstep identity show` tells of an identity directory. Shows no secret.
package struct IdentityDescription: Sendable {
    package let name: PeerName
    package let serial: String
    package let notBefore: Date
    package let notAfter: Date
    package let fingerprint: Digest
    /// Fingerprints of the certificates in `authority.pem`.
    package let authorities: [Digest]
    /// The key file's permission bits; 0o600 is right.
    package let keyMode: UInt32
    /// The list of denied certificates that was looked into, as it is shown; nil where none was.
    package let denied: String?
    /// What denies this certificate there.
    package let revocation: DeniedCertificate?

    /// - Parameter denied: a list of denied certificates; nil for the directory's own, where it has one.
    /// - Throws: as `Identity.init(directory:)`; usage for a list that cannot be read.
    package init(directory: String, denied: String? = nil) throws(CommandError) {
        let identity = try Identity(directory: directory)
        let paths = IdentityPaths(directory)
        let chain = try IdentityText.certificates(identity.certificate, PrivateFiles.shown(paths.certificate))
        let leaf: PeerCertificate
        do {
            leaf = try PeerCertificate(chain[0].certificate, encoded: chain[0].encoded)
        } catch {
            throw .refused("\(PrivateFiles.shown(paths.certificate)): \(error.reason)")
        }
        name = leaf.name
        serial = leaf.serial
        notBefore = leaf.notBefore
        notAfter = leaf.notAfter
        fingerprint = leaf.fingerprint
        authorities = try IdentityText.certificates(identity.authority, PrivateFiles.shown(paths.authority))
            .map { DigestBuilder.digest(of: $0.encoded) }
        keyMode = PrivateFiles.mode(of: paths.key) ?? 0
        let own = DenyListFile.path(inIdentity: directory)
        guard let list = denied ?? (PrivateFiles.exists(own) ? own : nil) else {
            (self.denied, revocation) = (nil, nil)
            return
        }
        self.denied = PrivateFiles.shown(list)
        revocation = DenyList.read(try PrivateFiles.readBytes(list)).list.reason(toDeny: leaf)
    }

    /// One `key: value` line each.
    package func lines(now: Date = Date()) -> [String] {
        let state =
            if now < notBefore { "not yet valid" } else if now > notAfter { "expired" } else { "valid" }
        return [
            "name: \(name)",
            "serial: \(serial)",
            "valid: \(PeerCertificate.shown(notBefore)) to \(PeerCertificate.shown(notAfter)) (\(state))",
            "fingerprint: \(fingerprint)",
        ] + authorities.map { "authority: \($0)" } + ["key permissions: \(String(keyMode, radix: 8))"]
            + revocationLines
    }

    private var revocationLines: [String] {
        guard let denied else { return [] }
        guard let revocation else { return ["revoked: no, says \(denied)"] }
        return ["revoked: \(revocation.shown), says \(denied)"]
    }
}
