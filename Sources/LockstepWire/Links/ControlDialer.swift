internal import LockstepCore
package import Logging
package import NIOCore
internal import NIOPosix
internal import NIOSSL

/// Makes control and bulk connections to the coordinator.
package struct ControlDialer: Sendable {
    private let group: any EventLoopGroup
    private let contexts: TLSContexts
    private let limits: LinkLimits
    private let logger: Logger

    package init(
        group: any EventLoopGroup, contexts: TLSContexts, limits: LinkLimits = LinkLimits(), logger: Logger
    ) {
        self.group = group
        self.contexts = contexts
        self.limits = limits
        self.logger = logger
    }

    /// Connects, proves both identities, and sends `hello` after the coordinator's greeting.
    ///
    /// The coordinator's answer to `hello`, or its refusal, is the first thing that the link's `run` sees.
    ///
    /// - Parameter timeout: for the connection, and again for handshake and greeting.
    /// - Throws: `LinkError`.
    package func connect(
        to endpoint: Endpoint, hello: ControlFrame, timeout: TimeAmount = .seconds(5)
    ) async throws -> ControlLink {
        let place = "the coordinator at \(endpoint)"
        let rules = DialingHandler<ControlLink>.Rules(
            contexts: contexts, role: .coordinator, name: nil, limits: limits, deadline: timeout, place: place,
            firstFrame: hello, answerIsDue: false
        ) { [contexts, limits, logger] channel, peer in
            try ControlLink(
                on: channel, peer: peer, place: place, firstFrame: hello, contexts: contexts, limits: limits,
                logger: logger
            )
        }
        return try await Dialing.connect(ClientBootstrap(group: group), to: endpoint, rules, timeout: timeout)
    }
}
