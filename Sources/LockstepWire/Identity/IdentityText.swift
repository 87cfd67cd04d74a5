internal import LockstepCore
internal import NIOSSL
internal import SwiftASN1
internal import X509

/// Reads the PEM texts of an identity. `place` names the file in the errors.
enum IdentityText {
    struct ReadCertificate {
        let tls: NIOSSLCertificate
        let certificate: Certificate
        let encoded: [UInt8]
    }

    static func certificates(_ text: String, _ place: String) throws(CommandError) -> [ReadCertificate] {
        do {
            let read = try NIOSSLCertificate.fromPEMBytes(Array(text.utf8)).map { tls in
                let encoded = try tls.toDERBytes()
                return ReadCertificate(tls: tls, certificate: try Certificate(derEncoded: encoded), encoded: encoded)
            }
            guard !read.isEmpty else { throw CommandError.usage("") }
            return read
        } catch {
            throw .usage("\(place) holds no readable PEM certificate: write it again with `lockstep identity issue`")
        }
    }

    static func privateKey(_ text: String, _ place: String) throws(CommandError) -> Certificate.PrivateKey {
        // Some tools put parameters or comments before the key: take the block that is one.
        for block in blocks(text) where block.contains("PRIVATE KEY-----") {
            if let key = try? Certificate.PrivateKey(pemEncoded: block) { return key }
        }
        throw .usage("\(place) holds no readable private key: it must be unencrypted PEM (PKCS#8), best on curve P-256")
    }

    /// The PEM text of one key in the form that TLS reads.
    static func tlsKey(_ key: Certificate.PrivateKey) throws -> NIOSSLPrivateKey {
        try NIOSSLPrivateKey(bytes: Array(key.serializeAsPEM().pemString.utf8), format: .pem)
    }

    private static func blocks(_ text: String) -> [String] {
        var blocks: [String] = []
        var lines: [Substring] = []
        for line in text.split(whereSeparator: \.isNewline) {
            if line.hasPrefix("-----BEGIN ") { lines = [] }
            lines.append(line)
            if line.hasPrefix("-----END ") {
                blocks.append(lines.joined(separator: "\n") + "\n")
                lines = []
            }
        }
        return blocks
    }
}
