import Crypto
import FoundationEssentials
import LockstepCore
import LockstepWire
import SwiftASN1
import X509

/// Makes certificates of any shape, also such that no Lockstep tool would issue.
struct TestAuthority {
    let key: Certificate.PrivateKey
    let certificate: Certificate

    init(_ commonName: String = "demo", key: Certificate.PrivateKey = .init(P256.Signing.PrivateKey())) throws {
        self.key = key
        let name = try DistinguishedName {
            OrganizationName("Tests")
            CommonName(commonName)
        }
        certificate = try Certificate(
            version: .v3, serialNumber: .init(), publicKey: key.publicKey, notValidBefore: Date() - 3600,
            notValidAfter: Date() + 86400, issuer: name, subject: name,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
                Critical(KeyUsage(keyCertSign: true))
            },
            issuerPrivateKey: key
        )
    }

    struct Shape {
        var uris: [String]
        var notBefore = Date() - 300
        var notAfter = Date() + 3600
        var usages: [ExtendedKeyUsage.Usage] = [.serverAuth, .clientAuth]
        var extraNames: [GeneralName] = []
        var isSelfSigned = false
        var key = Certificate.PrivateKey(P256.Signing.PrivateKey())

        init(_ uris: String...) { self.uris = uris }
    }

    func leaf(_ shape: Shape) throws -> (certificate: String, key: String) {
        let subject = try DistinguishedName { CommonName("leaf") }
        let leaf = try Certificate(
            version: .v3, serialNumber: .init(), publicKey: shape.key.publicKey, notValidBefore: shape.notBefore,
            notValidAfter: shape.notAfter, issuer: shape.isSelfSigned ? subject : certificate.subject, subject: subject,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                Critical(KeyUsage(digitalSignature: true))
                if !shape.usages.isEmpty { try ExtendedKeyUsage(shape.usages) }
                if !shape.uris.isEmpty || !shape.extraNames.isEmpty {
                    SubjectAlternativeNames(shape.extraNames + shape.uris.map { .uniformResourceIdentifier($0) })
                }
            },
            issuerPrivateKey: shape.isSelfSigned ? shape.key : key
        )
        return (try leaf.serializeAsPEM().pemString, try shape.key.serializeAsPEM().pemString)
    }

    var pem: String { get throws { try certificate.serializeAsPEM().pemString } }

    /// An identity under this authority; it trusts `trusting`, or this authority.
    func identity(_ shape: Shape, trusting: TestAuthority? = nil) throws -> Identity {
        let (certificate, key) = try leaf(shape)
        return try Identity(certificate: certificate, key: key, authority: (trusting ?? self).pem)
    }
}
