package import LockstepCluster
package import NIOCore
internal import NIOPosix
internal import NIOSSL

/// Makes control and bulk connections to the coordinator.
package struct ControlDialer: Sendable {
    private let group: any EventLoopGroup
    private let contexts: TLSContexts
    private let limits: LinkLimits

    package init(group: any EventLoopGroup, contexts: TLSContexts, limits: LinkLimits = LinkLimits()) {
        self.group = group
        self.contexts = contexts
        self.limits = limits
    }

    /// Connects, proves both identities, and sends `hello` after the coordinator's greeting.
    ///
    /// What the coordinator says to `hello` is the first frame that the link's `run` sees: `welcome` or `refused` on a
    /// control connection; nothing, or `refused`, on a bulk connection.
    ///
    /// - Parameter timeout: for the connection, and again for handshake and greeting.
    /// - Throws: `LinkError`.
    package func connect(
        to endpoint: Endpoint, hello: Hello, timeout: TimeAmount = .seconds(5)
    ) async throws -> ControlLink {
        let place = "the coordinator at \(endpoint)"
        let firstFrame: ControlFrame
        do {
            firstFrame = try ControlFrame(.hello(hello))
        } catch {
            throw LinkError.violation(error.description)
        }
        let rules = DialingHandler<ControlLink>.Rules(
            contexts: contexts, role: .coordinator, name: nil, limits: limits, deadline: timeout, place: place,
            firstFrame: firstFrame, judgeAnswer: nil
        ) { [limits] channel, peer in
            guard let peer else { throw LinkError.refused("\(place) showed no certificate") }
            return try ControlLink(on: channel, peer: peer, place: place, limits: limits)
        }
        return try await Dialing.connect(ClientBootstrap(group: group), to: endpoint, rules, timeout: timeout)
    }
}
