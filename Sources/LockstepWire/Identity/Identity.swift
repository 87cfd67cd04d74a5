package import LockstepCore
internal import X509

/// Proof of who this process is: a certificate chain, its key, and the authority that both ends trust.
///
/// The texts are PEM. An identity comes from a directory, or over a pipe as a `Codable` value; it is checked on the way
/// in, so one that exists can be used. Validity in time is left to the peers, who have the say.
package struct Identity: Sendable, Codable, CustomStringConvertible {
    /// The chain, leaf first.
    package let certificate: String
    package let key: String
    /// The cluster's authority: one certificate, or several while it is being replaced.
    package let authority: String
    /// The name in the leaf.
    package let name: PeerName

    /// Reads `certificate.pem`, `key.pem` and `authority.pem`.
    ///
    /// - Throws: `CommandError`: usage for files that are missing, unreadable, open to others or do not fit together;
    ///   refused for a certificate without a Lockstep name.
    package init(directory: String) throws(CommandError) {
        let paths = IdentityPaths(directory)
        if let mode = PrivateFiles.mode(of: paths.key) { try Identity.requirePrivate(paths.key, mode) }
        try self.init(
            certificate: PrivateFiles.read(paths.certificate),
            key: PrivateFiles.read(paths.key),
            authority: PrivateFiles.read(paths.authority),
            places: paths
        )
    }

    package init(certificate: String, key: String, authority: String) throws(CommandError) {
        try self.init(certificate: certificate, key: key, authority: authority, places: IdentityPaths(""))
    }

    private init(certificate: String, key: String, authority: String, places: IdentityPaths) throws(CommandError) {
        let shownCertificate = PrivateFiles.shown(places.certificate)
        let shownKey = PrivateFiles.shown(places.key)
        let chain = try IdentityText.certificates(certificate, shownCertificate)
        let privateKey = try IdentityText.privateKey(key, shownKey)
        _ = try IdentityText.certificates(authority, PrivateFiles.shown(places.authority))
        guard chain[0].certificate.publicKey == privateKey.publicKey else {
            throw .usage(
                "\(shownKey) is not the key of \(shownCertificate): the first certificate there must be its own")
        }
        do {
            name = try PeerCertificate(chain[0].certificate, encoded: chain[0].encoded).name
        } catch {
            throw .refused("\(shownCertificate): \(error.reason); issue one with `lockstep identity issue`")
        }
        self.certificate = certificate
        self.key = key
        self.authority = authority
    }

    private enum CodingKeys: String, CodingKey { case certificate, key, authority }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        try self.init(
            certificate: container.decode(String.self, forKey: .certificate),
            key: container.decode(String.self, forKey: .key),
            authority: container.decode(String.self, forKey: .authority)
        )
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(certificate, forKey: .certificate)
        try container.encode(key, forKey: .key)
        try container.encode(authority, forKey: .authority)
    }

    /// Writes the three files; refuses when one of them exists.
    package func write(to directory: String) throws(CommandError) {
        let paths = IdentityPaths(directory)
        for path in paths.all where PrivateFiles.exists(path) { throw PrivateFiles.alreadyThere(path) }
        try PrivateFiles.makeDirectory(directory)
        try PrivateFiles.create(paths.key, key, mode: 0o600)
        try PrivateFiles.create(paths.authority, authority, mode: 0o644)
        try PrivateFiles.create(paths.certificate, certificate, mode: 0o644)
    }

    /// Never shows the key.
    package var description: String { "Identity(\(name))" }

    /// - Throws: a usage error when others than the owner may read or write the key at `path`.
    static func requirePrivate(_ path: String, _ mode: UInt32) throws(CommandError) {
        guard mode & 0o077 == 0 else {
            throw .usage(
                "\(PrivateFiles.shown(path)) can be read by others (mode \(String(mode, radix: 8))): "
                    + "run `chmod 600` on it, and issue a new identity if anybody may have read it"
            )
        }
    }
}

/// The files of an identity directory; bare file names where there is no directory.
struct IdentityPaths {
    let certificate: String
    let key: String
    let authority: String

    init(_ directory: String) {
        let prefix = directory.isEmpty ? "" : directory + "/"
        certificate = prefix + "certificate.pem"
        key = prefix + "key.pem"
        authority = prefix + "authority.pem"
    }

    var all: [String] { [certificate, key, authority] }
}
