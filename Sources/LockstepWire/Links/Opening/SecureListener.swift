package import LockstepCluster
internal import LockstepCore
package import Logging
package import NIOCore
internal import NIOExtras
internal import NIOPosix
internal import NIOSSL
internal import Synchronization

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

/// A listening socket for peers of the own cluster. It binds exactly the address that it is given, and listens until it
/// is shut down or dropped.
package final class SecureListener: Sendable {
    /// The address that is bound, with the port that the system chose where port 0 was asked.
    package let address: Endpoint

    private let channel: any Channel
    private let quiescing: ServerQuiescingHelper
    private let allClosed: EventLoopPromise<Void>
    private let isShuttingDown = Atomic(false)

    /// Listens for control and bulk connections.
    ///
    /// - Parameters:
    ///   - roles: whose certificates are accepted.
    ///   - accept: gets each open link and its HELLO, whose name is that of the certificate; on the link's loop, so it
    ///     must not block.
    /// - Throws: `CommandError` (usage) when the address cannot be bound.
    package static func control(
        at endpoint: Endpoint, on group: any EventLoopGroup, contexts: TLSContexts, roles: [PeerRole] = [.worker],
        limits: LinkLimits = LinkLimits(), logger: Logger,
        accept: @escaping @Sendable (ControlLink, Hello) -> Void
    ) async throws -> SecureListener {
        try await SecureListener(endpoint, group, contexts, roles, limits, logger) { bootstrap in
            bootstrap
        } take: { channel, peer, frame throws(LinkError) in
            guard case .hello(let hello) = try frame.message() else {
                throw .violation("its first message is not a HELLO")
            }
            guard let peer else { throw .refused("it showed no certificate") }
            try check(hello.name, against: peer)
            let link: ControlLink
            do {
                let place = Endpoint(channel.remoteAddress).map { "\(peer.name.name) at \($0)" } ?? peer.name.name
                link = try ControlLink(on: channel, peer: peer, place: place, limits: limits)
            } catch {
                throw (error as? LinkError) ?? .closed("the connection could not be set up")
            }
            accept(link, hello)
        }
    }

    /// Listens for data links from other workers.
    ///
    /// - Parameters:
    ///   - isClear: no TLS, so that a peer's name proves nothing; to measure what encryption costs. The log says so.
    ///   - admit: judges who wants to link, and gives the receiver of its frames. The greeting's name is already known
    ///     to be that of the certificate, and `peerName` the own one. On the link's loop; a thrown error's reason is
    ///     sent to the peer and logged.
    /// - Throws: `CommandError` (usage) when the address cannot be bound.
    package static func data(
        at endpoint: Endpoint, on group: any EventLoopGroup, contexts: TLSContexts, limits: LinkLimits = LinkLimits(),
        isClear: Bool = false, logger: Logger,
        admit: @escaping @Sendable (LinkGreeting, any EventLoop) throws(LinkError) -> DataLinkAdmission
    ) async throws -> SecureListener {
        let listener = try await SecureListener(
            endpoint, group, contexts, [.worker], limits, logger, isClear: isClear
        ) { bootstrap in
            DataLink.configure(bootstrap)
        } take: { channel, certificate, frame throws(LinkError) in
            let greeting = try frame.linkGreeting()
            let peer: PeerName
            if let certificate {
                peer = try check(greeting.name, against: certificate)
            } else {
                peer = try named(greeting.name, contexts)
            }
            guard greeting.peerName == contexts.name.name else {
                throw .refused(
                    "it looks for \"\(greeting.peerName.escapedForDisplay(limit: 80))\", this is \(contexts.name.name)"
                )
            }
            try DataLink.accept(channel, peer, admit(greeting, channel.eventLoop), limits, isClear: isClear)
        }
        if isClear {
            logger.warning(
                "data links at \(listener.address) are in the clear: anybody there can read them and pass for a worker"
            )
        }
        return listener
    }

    /// The name of a peer that proves nothing.
    private static func named(_ claimed: String, _ contexts: TLSContexts) throws(LinkError) -> PeerName {
        do throws(CommandError) {
            return try PeerName(cluster: contexts.name.cluster, role: .worker, name: claimed)
        } catch {
            throw .violation(error.description)
        }
    }

    @discardableResult
    private static func check(_ claimed: String, against peer: PeerCertificate) throws(LinkError) -> PeerName {
        guard claimed == peer.name.name else {
            throw .refused(
                "it says it is \"\(claimed.escapedForDisplay(limit: 80))\", but its certificate is of \(peer.name)"
            )
        }
        return peer.name
    }

    private init(
        _ endpoint: Endpoint, _ group: any EventLoopGroup, _ contexts: TLSContexts, _ roles: [PeerRole],
        _ limits: LinkLimits, _ logger: Logger, isClear: Bool = false, options: (ServerBootstrap) -> ServerBootstrap,
        take: @escaping @Sendable (any Channel, PeerCertificate?, ControlFrame) throws(LinkError) -> Void
    ) async throws {
        // Its promises may outlive the listener's own loops; these never end.
        let quiescing = ServerQuiescingHelper(group: MultiThreadedEventLoopGroup.singleton)
        let bootstrap = options(ServerBootstrap(group: group))
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            // One at a time, so that the limit of open handshakes is exact.
            .serverChannelOption(.maxMessagesPerRead, value: 1)
            .serverChannelInitializer { server in
                server.eventLoop.makeCompletedFuture {
                    try server.pipeline.syncOperations.addHandlers(
                        OpeningLimitHandler(limit: limits.openingsInFlight),
                        quiescing.makeServerChannelHandler(channel: server)
                    )
                }
            }
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { child in
                child.eventLoop.makeCompletedFuture {
                    let handlers = child.pipeline.syncOperations
                    if !isClear { try handlers.addHandler(NIOSSLServerHandler(context: contexts.server)) }
                    try handlers.addHandler(
                        AcceptingHandler(
                            AcceptingHandler.Rules(
                                contexts: contexts, isClear: isClear, roles: roles, limits: limits, logger: logger,
                                take: take, settled: { OpeningLimitHandler.settled($0) }
                            )
                        )
                    )
                }
            }
        do {
            channel = try await bootstrap.bind(host: endpoint.host, port: endpoint.port).get()
        } catch {
            throw SecureListener.bindFailure(endpoint, error)
        }
        address = Endpoint(channel.localAddress) ?? endpoint
        self.quiescing = quiescing
        allClosed = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: Void.self)
    }

    deinit { initiateShutdown() }

    /// Stops listening at once, closes connections that are still opening, and leaves the open ones to their owners.
    package func initiateShutdown() {
        guard !isShuttingDown.exchange(true, ordering: .relaxed) else { return }
        // The loops may be gone already, and the socket with them.
        guard channel.isActive else {
            allClosed.succeed(())
            return
        }
        quiescing.initiateShutdown(promise: allClosed)
    }

    /// Returns when the listener was shut down and the last of its connections has closed.
    package func waitUntilClosed() async { try? await allClosed.futureResult.get() }

    private static func bindFailure(_ endpoint: Endpoint, _ error: any Error) -> CommandError {
        let shown = endpoint.description.escapedForDisplay(limit: 260)
        guard let failure = error as? IOError else {
            return .usage("\(shown) is no address of this machine: name one that it has, or 0.0.0.0 for all")
        }
        switch failure.errnoCode {
        case EADDRINUSE:
            return .usage("\(shown) is in use by another process: choose another port, or port 0 for any free one")
        case EADDRNOTAVAIL:
            return .usage("\(shown) is no address of this machine: name one that it has, or 0.0.0.0 for all")
        case EACCES:
            return .usage("\(shown) may not be bound by this user: choose a port above 1023")
        default:
            return .usage("\(shown) cannot be listened on: \(TLSFailure.shown(failure))")
        }
    }
}
