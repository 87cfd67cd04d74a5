package import LockstepCluster
internal import LockstepCore
package import NIOCore
internal import NIOPosix
internal import NIOSSL

/// Makes data links to other workers.
package struct DataLinkDialer: Sendable {
    private let group: any EventLoopGroup
    private let contexts: TLSContexts
    private let limits: LinkLimits
    private let isClear: Bool

    /// - Parameter isClear: no TLS, so that names prove nothing; to measure what encryption costs.
    package init(
        group: any EventLoopGroup, contexts: TLSContexts, limits: LinkLimits = LinkLimits(), isClear: Bool = false
    ) {
        self.group = group
        self.contexts = contexts
        self.limits = limits
        self.isClear = isClear
    }

    /// Connects to the worker that `greeting` names, and gives its frames to a receiver. Returns when the other worker
    /// has greeted too: the link is open.
    ///
    /// - Parameters:
    ///   - timeout: for the connection, and again for handshake and greetings.
    ///   - objection: judges the other worker's greeting (`LinkGreeting.objection`).
    ///   - receiver: makes the receiver of the link's frames; on the link's loop.
    /// - Throws: `LinkError`.
    package func connect(
        to endpoint: Endpoint, greeting: LinkGreeting, timeout: TimeAmount = .seconds(5),
        objection: @escaping @Sendable (LinkGreeting) -> String?,
        receiver: @escaping @Sendable (any EventLoop) throws -> any FrameReceiver
    ) async throws {
        try await connect(to: endpoint, greeting, timeout: timeout, objection: objection) {
            [limits, isClear] channel, peer in
            try DataLink.open(channel, peer, receiver(channel.eventLoop), limits, isClear: isClear)
        }
    }

    /// Asks the worker that `greeting` names whether it can be reached, with a greeting that says so (`isProbe`). Returns when
    /// it has answered; the connection closes.
    ///
    /// - Parameters: as those of `connect`.
    /// - Throws: `LinkError`.
    package func ask(
        _ endpoint: Endpoint, greeting: LinkGreeting, timeout: TimeAmount = .seconds(5),
        objection: @escaping @Sendable (LinkGreeting) -> String?
    ) async throws {
        try await connect(to: endpoint, greeting, timeout: timeout, objection: objection) { channel, _ in
            DataLink.closeSoon(channel)
        }
    }

    /// - Parameter take: adds the handlers that carry on. On the connection's loop.
    private func connect(
        to endpoint: Endpoint, _ greeting: LinkGreeting, timeout: TimeAmount,
        objection: @escaping @Sendable (LinkGreeting) -> String?,
        take: @escaping @Sendable (any Channel, PeerName) throws -> Void
    ) async throws {
        let place = "\(greeting.peerName) at \(endpoint)"
        let firstFrame: ControlFrame
        do {
            firstFrame = try ControlFrame(greeting)
        } catch {
            throw LinkError.violation(error.description)
        }
        let judgeAnswer: @Sendable (ControlFrame) throws(LinkError) -> Void = { frame throws(LinkError) in
            if let objection = objection(try frame.linkGreeting()) {
                throw .violation("\(place) answered wrongly: \(objection.escapedForDisplay(limit: 300))")
            }
        }
        let rules = DialingHandler<Void>.Rules(
            contexts: contexts, isClear: isClear, role: .worker, name: greeting.peerName, limits: limits,
            deadline: timeout, place: place,
            firstFrame: firstFrame, judgeAnswer: judgeAnswer
        ) { [contexts] channel, certificate in
            let peer =
                try certificate?.name
                ?? PeerName(cluster: contexts.name.cluster, role: .worker, name: greeting.peerName)
            try take(channel, peer)
        }
        let bootstrap = DataLink.configure(ClientBootstrap(group: group))
        try await Dialing.connect(bootstrap, to: endpoint, rules, timeout: timeout)
    }
}
