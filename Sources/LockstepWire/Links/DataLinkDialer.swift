internal import LockstepCore
package import NIOCore
internal import NIOPosix
internal import NIOSSL

/// Makes data links to other workers.
package struct DataLinkDialer: Sendable {
    private let group: any EventLoopGroup
    private let contexts: TLSContexts
    private let limits: LinkLimits

    package init(group: any EventLoopGroup, contexts: TLSContexts, limits: LinkLimits = LinkLimits()) {
        self.group = group
        self.contexts = contexts
        self.limits = limits
    }

    /// Connects to the worker that `opening` names, and gives its frames to a receiver. Returns when the other worker
    /// has accepted the link.
    ///
    /// - Parameters:
    ///   - timeout: for the connection, and again for handshake and answer.
    ///   - receiver: makes the receiver of the link's frames; on the link's loop.
    /// - Throws: `LinkError`.
    package func connect(
        to endpoint: Endpoint, opening: LinkOpening, timeout: TimeAmount = .seconds(5),
        receiver: @escaping @Sendable (any EventLoop) throws -> any FrameReceiver
    ) async throws {
        let rules = DialingHandler<Void>.Rules(
            contexts: contexts, role: .worker, name: opening.to, limits: limits, deadline: timeout,
            place: "\(opening.to) at \(endpoint)", firstFrame: LinkMessage.open(opening).frame(), answerIsDue: true
        ) { [contexts] channel, peer in
            try DataLink.open(channel, peer, receiver(channel.eventLoop), contexts)
        }
        let bootstrap = DataLink.configure(ClientBootstrap(group: group))
        try await Dialing.connect(bootstrap, to: endpoint, rules, timeout: timeout)
    }
}
