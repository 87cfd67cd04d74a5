import LockstepCollectives
import LockstepCore
import LockstepTestSupport
import LockstepWire
import LockstepWireTestSupport
import NIOCore
import NIOSSL
import Testing

/// What a dialling side makes of the first words of a listener with a good certificate.
@Suite(.timeLimit(.minutes(Patience.minutesOfTest)), .ownThreads)
struct GreetingTests {
    /// Dials a coordinator whose certificate is c0's and whose first frame is this.
    private func dial(greetedBy kind: FrameKind, _ text: String) async throws {
        let authority = try TestAuthority()
        let (certificate, key) = try authority.leaf(.init("lockstep://demo/coordinator/c0"))
        var tls = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMBytes(Array(certificate.utf8)).map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(bytes: Array(key.utf8), format: .pem)))
        tls.applicationProtocols = ["lockstep/1"]
        let greeting = FrameHeader(kind: kind, length: UInt32(text.utf8.count)).bytes + Array(text.utf8)
        let server = try await PlainServer(saying: greeting, tls: tls)
        let cluster = try await TestCluster(authority: authority)
        _ = try await cluster.dial(
            authority.identity(.init("lockstep://demo/worker/w0")), as: "w0", to: server.address)
    }

    private static func greeting(_ name: String, version: Int = 1) -> String {
        "{\"name\":\"\(name)\",\"protocol\":\(version),\"type\":\"greeting\"}"
    }

    /// The canary: so greets a coordinator.
    @Test func theGreetingOfTheCertificate() async throws {
        try await dial(greetedBy: .link, GreetingTests.greeting("lockstep://demo/coordinator/c0"))
    }

    @Test func anotherNameThanTheCertificates() async throws {
        let error = await #expect(throws: LinkError.self) {
            try await dial(greetedBy: .link, GreetingTests.greeting("lockstep://demo/coordinator/c9"))
        }
        #expect(error?.reason.contains("it says it is \"lockstep://demo/coordinator/c9\"") == true)
        #expect(error?.commandError.exitCode == .refused)
    }

    /// Another version of the protocol is named, with both numbers and what to do; asking again does not help.
    @Test(arguments: [0, 2]) func anotherVersion(version: Int) async throws {
        let error = await #expect(throws: LinkError.self) {
            try await dial(
                greetedBy: .link, GreetingTests.greeting("lockstep://demo/coordinator/c0", version: version))
        }
        let (reason, mend) = (error?.reason ?? "", ": run the same program on both sides")
        let told = "speaks version \(version) of the protocol, this program version 1\(mend)"
        #expect(reason.hasSuffix(told), "\(reason)")
        #expect(error?.isWorthRetrying == false)
    }

    @Test func aFrameOfAnotherKind() async throws {
        let error = await #expect(throws: LinkError.self) {
            try await dial(greetedBy: .log, GreetingTests.greeting("lockstep://demo/coordinator/c0"))
        }
        #expect(error?.reason.contains("where its greeting is due") == true, "\(error?.reason ?? "")")
    }

    @Test func noGreeting() async throws {
        let error = await #expect(throws: LinkError.self) { try await dial(greetedBy: .link, "{}") }
        #expect(error?.reason.contains("sent a greeting that cannot be read") == true, "\(error?.reason ?? "")")
    }

    /// A dialling that waits for a silent listener ends when its task is cancelled, long before its own deadline.
    @Test func diallingCanBeBrokenOff() async throws {
        let server = try await PlainServer(saying: "")
        let cluster = try await TestCluster()
        let identity = try cluster.authority.identity(.init("lockstep://demo/worker/w0"))
        let dialling = Task {
            _ = try await cluster.dial(identity, as: "w0", to: server.address, timeout: .minutes(10))
        }
        await server.heard(1)
        dialling.cancel()
        await #expect(throws: LinkError.self) { try await dialling.value }
    }
}
