import Crypto
import Foundation
import LockstepCluster
import LockstepCore
import LockstepTestSupport
import LockstepWire
import LockstepWireTestSupport
import SwiftASN1
import Testing
import X509

/// Identities and authorities on disk and in memory, made here and elsewhere.
@Suite(.timeLimit(.minutes(Patience.minutesOfTest)), .ownThreads)
final class IdentityTests {
    private let directory: String

    init() throws {
        directory = NSTemporaryDirectory() + "lockstep-identity-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }

    private func mode(_ path: String) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        return (attributes[.posixPermissions] as? NSNumber)?.intValue ?? -1
    }

    /// A worker with this identity reaches a coordinator with that one.
    private func expectTrust(_ worker: Identity, _ coordinator: Identity) async throws {
        let cluster = try await TestCluster(coordinator: coordinator)
        let link = try await cluster.dial(worker, as: worker.name.name)
        let (accepted, hello) = try #require(await cluster.nextLink())
        #expect(accepted.peer.name == worker.name)
        #expect(link.peer.name == coordinator.name)
        #expect(hello.name == worker.name.name)
    }

    @Test func createAndIssue() async throws {
        let authority = try Authority.create(cluster: "demo", directory: directory + "/authority")
        #expect(try mode(directory + "/authority/authority-key.pem") == 0o600)
        #expect(FileManager.default.fileExists(atPath: directory + "/authority/denied.jsonl"))
        let reopened = try Authority(directory: directory + "/authority")
        #expect(reopened.cluster == "demo")
        _ = try authority.issue(role: .coordinator, name: "c0", into: directory + "/c0")
        let issued = try reopened.issue(role: .worker, name: "w0", days: 3, into: directory + "/deep/down/w0")
        #expect(try mode(directory + "/deep/down/w0/key.pem") == 0o600)
        let coordinator = try Identity(directory: directory + "/c0")
        let worker = try Identity(directory: directory + "/deep/down/w0")
        #expect(worker.name.description == "lockstep://demo/worker/w0")
        #expect(worker.certificate == issued.certificate)
        try await expectTrust(worker, coordinator)
        try await expectTrust(
            JSONDecoder().decode(Identity.self, from: JSONEncoder().encode(worker)), coordinator
        )

        let lines = try String(contentsOfFile: directory + "/authority/issued.jsonl", encoding: .utf8)
            .split(separator: "\n")
        let records = try lines.map { try JSONDecoder().decode(IssuedCertificate.self, from: Data($0.utf8)) }
        #expect(records.map(\.name.name) == ["c0", "w0"])
        let shown = try IdentityDescription(directory: directory + "/deep/down/w0")
        #expect(shown.serial == records[1].serial)
        #expect(shown.fingerprint == records[1].fingerprint)
        #expect(shown.keyMode == 0o600)
        #expect(shown.authorities.count == 1)
        let lifetime = shown.notAfter.timeIntervalSince(shown.notBefore)
        #expect(abs(lifetime - (3 * 86400 + 300)) < 2)
        #expect(shown.lines().first == "name: lockstep://demo/worker/w0")
        #expect(!shown.lines().joined().contains("PRIVATE"))
    }

    @Test func whatALeafHolds() throws {
        let now = Date()
        let identity = try Authority(cluster: "demo").issue(role: .worker, name: "w0", now: now)
        let leaf = try Certificate(pemEncoded: identity.certificate)
        #expect(abs(leaf.notValidBefore.timeIntervalSince(now) + 300) < 2)
        #expect(abs(leaf.notValidAfter.timeIntervalSince(now) - 90 * 86400) < 2)
        #expect(P256.Signing.PublicKey(leaf.publicKey) != nil)
        #expect(try leaf.extensions.extendedKeyUsage == ExtendedKeyUsage([.serverAuth, .clientAuth]))
        #expect(try leaf.extensions.keyUsage == KeyUsage(digitalSignature: true))
        #expect(
            try leaf.extensions.subjectAlternativeNames.map(Array.init)
                == [.uniformResourceIdentifier("lockstep://demo/worker/w0")]
        )
        #expect(identity.key.hasPrefix("-----BEGIN PRIVATE KEY-----"))
    }

    @Test func nothingIsReplaced() throws {
        let authority = try Authority.create(cluster: "demo", directory: directory)
        let before = try String(contentsOfFile: directory + "/authority-key.pem", encoding: .utf8)
        let again = #expect(throws: CommandError.self) { try Authority.create(cluster: "x", directory: directory) }
        #expect(again?.exitCode == .usage)
        #expect(again?.message.contains("exists already") == true)
        #expect(try String(contentsOfFile: directory + "/authority-key.pem", encoding: .utf8) == before)

        try Data("mine".utf8).write(to: URL(fileURLWithPath: directory + "/key.pem"))
        let issued = #expect(throws: CommandError.self) {
            try authority.issue(role: .worker, name: "w0", into: directory)
        }
        #expect(issued?.message.contains("exists already") == true)
        #expect(try String(contentsOfFile: directory + "/key.pem", encoding: .utf8) == "mine")
        // A refused write leaves no certificate in the records.
        #expect(try String(contentsOfFile: directory + "/issued.jsonl", encoding: .utf8).isEmpty)
    }

    @Test func keysOpenToOthers() throws {
        let authority = try Authority(cluster: "demo")
        _ = try authority.issue(role: .worker, name: "w0", into: directory)
        for mode in [0o640, 0o604, 0o644] {
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: directory + "/key.pem")
            let error = #expect(throws: CommandError.self) { try Identity(directory: directory) }
            #expect(error?.exitCode == .usage)
            #expect(error?.message.contains("key.pem can be read by others (mode \(String(mode, radix: 8)))") == true)
        }
        try FileManager.default.setAttributes([.posixPermissions: 0o400], ofItemAtPath: directory + "/key.pem")
        _ = try Identity(directory: directory)
    }

    @Test(arguments: ["certificate.pem", "key.pem", "authority.pem"])
    func missingAndDamagedFiles(_ file: String) throws {
        _ = try Authority(cluster: "demo").issue(role: .worker, name: "w0", into: directory)
        let path = directory + "/" + file
        let whole = try String(contentsOfFile: path, encoding: .utf8)
        let other = try Authority(cluster: "demo").issue(role: .worker, name: "w0")
        var damaged = [
            "", "text", String(whole.dropLast(60)), whole.replacing("M", with: "N"), String(whole.reversed()),
        ]
        if file == "key.pem" { damaged.append(other.key) }
        for text in damaged {
            try text.write(toFile: path, atomically: false, encoding: .utf8)
            let error = #expect(throws: CommandError.self) { try Identity(directory: directory) }
            #expect(error?.exitCode == .usage)
            #expect(error?.message.contains(path) == true, "\(error?.message ?? "")")
            #expect(error?.message.contains("\n") == false)
        }
        try FileManager.default.removeItem(atPath: path)
        let error = #expect(throws: CommandError.self) { try Identity(directory: directory) }
        #expect(error?.message == "\(path) cannot be read: No such file or directory")
    }

    @Test func badRequests() throws {
        let authority = try Authority(cluster: "demo")
        for (name, days) in [("W0", 90), ("", 90), ("../w0", 90), ("w0", 0), ("w0", -1), ("w0", 1_000_000)] {
            let error = #expect(throws: CommandError.self) {
                try authority.issue(role: .worker, name: name, days: days)
            }
            #expect(error?.exitCode == .usage)
        }
        #expect(throws: CommandError.self) { try Authority(cluster: "De mo") }
    }

    @Test func printingShowsNoKey() throws {
        let authority = try Authority(cluster: "demo")
        let identity = try authority.issue(role: .worker, name: "w0")
        #expect("\(identity) \(authority)" == "Identity(lockstep://demo/worker/w0) Authority(demo)")
    }

    // MARK: Made by other tools

    /// Other keys, more names, no usages: what other tools make works alike.
    @Test func otherShapes() async throws {
        let authority = try TestAuthority(key: .init(P384.Signing.PrivateKey()))
        var shape = TestAuthority.Shape("lockstep://demo/worker/w0")
        shape.usages = []
        shape.extraNames = [.dnsName("w0.example"), .ipAddress(ASN1OctetString(contentBytes: [127, 0, 0, 1]))]
        shape.key = .init(P384.Signing.PrivateKey())
        try await expectTrust(
            authority.identity(shape), authority.identity(.init("lockstep://demo/coordinator/c0"))
        )
        // Text around the blocks, as some tools print it, and the older form of a key after its parameters.
        let key = P256.Signing.PrivateKey()
        shape.key = .init(key)
        let (certificate, _) = try authority.leaf(shape)
        let sec1 = try sec1PEM(key)
        try await expectTrust(
            Identity(
                certificate: "Certificate:\n    Data: 3\n" + certificate + "\n",
                key: "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n" + sec1,
                authority: "subject=CN=demo\r\n" + authority.pem.replacing("\n", with: "\r\n") + "\r\n"
            ),
            authority.identity(.init("lockstep://demo/coordinator/c0"))
        )
    }

    private func sec1PEM(_ key: P256.Signing.PrivateKey) throws -> String {
        var serializer = DER.Serializer()
        try serializer.appendConstructedNode(identifier: .sequence) { coder in
            try coder.serialize(1)
            try coder.serialize(ASN1OctetString(contentBytes: ArraySlice(key.rawRepresentation)))
            try coder.serialize(
                ASN1ObjectIdentifier.NamedCurves.secp256r1,
                explicitlyTaggedWithTagNumber: 0, tagClass: .contextSpecific
            )
        }
        return PEMDocument(type: "EC PRIVATE KEY", derBytes: serializer.serializedBytes).pemString + "\n"
    }

    /// An authority with a certificate between it and the leaves.
    @Test func chainWithIntermediate() async throws {
        let root = try TestAuthority("demo")
        let key = Certificate.PrivateKey(P256.Signing.PrivateKey())
        let intermediate = try Certificate(
            version: .v3, serialNumber: .init(), publicKey: key.publicKey, notValidBefore: Date() - 60,
            notValidAfter: Date() + 3600, issuer: root.certificate.subject,
            subject: try DistinguishedName { CommonName("between") },
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
                Critical(KeyUsage(keyCertSign: true))
            },
            issuerPrivateKey: root.key
        )
        let leafKey = Certificate.PrivateKey(P256.Signing.PrivateKey())
        let leaf = try Certificate(
            version: .v3, serialNumber: .init(), publicKey: leafKey.publicKey, notValidBefore: Date() - 60,
            notValidAfter: Date() + 3600, issuer: intermediate.subject,
            subject: try DistinguishedName { CommonName("w0") },
            extensions: try Certificate.Extensions {
                try ExtendedKeyUsage([.serverAuth, .clientAuth])
                SubjectAlternativeNames([.uniformResourceIdentifier("lockstep://demo/worker/w0")])
            },
            issuerPrivateKey: key
        )
        let worker = try Identity(
            certificate: leaf.serializeAsPEM().pemString + "\n" + intermediate.serializeAsPEM().pemString,
            key: leafKey.serializeAsPEM().pemString, authority: root.pem
        )
        try await expectTrust(worker, root.identity(.init("lockstep://demo/coordinator/c0")))
    }

    private static let openSSL = ["/usr/bin/openssl", "/usr/local/bin/openssl", "/opt/homebrew/bin/openssl"]
        .first { FileManager.default.isExecutableFile(atPath: $0) }

    private func openSSL(_ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try #require(IdentityTests.openSSL))
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: directory)
        process.standardError = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "openssl \(arguments.joined(separator: " "))")
    }

    @Test(.enabled(if: openSSL != nil, "openssl is not installed"), arguments: ["P-256", "RSA"])
    func madeByOpenSSL(_ kind: String) async throws {
        let newKey = kind == "RSA" ? ["rsa:2048"] : ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        try openSSL(
            ["req", "-x509", "-newkey"] + newKey + [
                "-noenc", "-days", "30", "-subj", "/O=Lab/CN=demo", "-keyout", "authority-key.pem", "-out",
                "authority.pem", "-addext", "basicConstraints=critical,CA:TRUE", "-addext",
                "keyUsage=critical,keyCertSign",
            ]
        )
        try FileManager.default.createDirectory(atPath: directory + "/w0", withIntermediateDirectories: true)
        try openSSL(
            ["req", "-x509", "-newkey"] + newKey + [
                "-noenc", "-days", "9", "-subj", "/CN=w0", "-CA", "authority.pem", "-CAkey", "authority-key.pem",
                "-keyout", "w0/key.pem", "-out", "w0/certificate.pem",
                "-addext", "subjectAltName=URI:lockstep://demo/worker/w0",
                "-addext", "extendedKeyUsage=serverAuth,clientAuth", "-addext", "basicConstraints=critical,CA:FALSE",
            ]
        )
        try FileManager.default.copyItem(atPath: directory + "/authority.pem", toPath: directory + "/w0/authority.pem")
        for key in ["/authority-key.pem", "/w0/key.pem"] {
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: directory + key)
        }
        // A leaf of openssl's and one of ours under openssl's authority meet.
        let authority = try Authority(directory: directory)
        #expect(authority.cluster == "demo")
        try await expectTrust(
            Identity(directory: directory + "/w0"), authority.issue(role: .coordinator, name: "c0")
        )
        // And openssl accepts ours.
        _ = try authority.issue(role: .worker, name: "w1", into: directory + "/w1")
        try openSSL(["verify", "-CAfile", "authority.pem", "-purpose", "sslclient", "w1/certificate.pem"])
        try openSSL(["verify", "-CAfile", "authority.pem", "-purpose", "sslserver", "w1/certificate.pem"])
        try openSSL(["pkey", "-in", "w1/key.pem", "-noout"])
    }
}
