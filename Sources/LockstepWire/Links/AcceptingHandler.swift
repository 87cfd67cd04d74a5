internal import LockstepCollectives
internal import LockstepCore
internal import Logging
internal import NIOCore
internal import NIOExtras
internal import NIOSSL
internal import NIOTLS

#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

/// The accepting side of a connection until the peer is trusted: waits for TLS, judges the certificate, greets, reads
/// one small frame, and hands the connection over. Every other end is one line in the log, the reason to the peer as far
/// as it can hear it, and a closed connection.
final class AcceptingHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = ByteBuffer

    struct Rules: Sendable {
        let contexts: TLSContexts
        let roles: [PeerRole]
        let limits: LinkLimits
        let logger: Logger
        /// Judges the first frame of a peer with a good certificate and adds the handlers that carry on. On the
        /// connection's loop.
        let take: @Sendable (any Channel, PeerCertificate, ControlFrame) throws(LinkError) -> Void
        /// Called once when the connection no longer counts as unknown.
        let settled: @Sendable (any Channel) -> Void
    }

    private enum State: Equatable {
        case handshaking
        case awaitingFirstFrame(PeerCertificate)
        case finished
    }

    private let rules: Rules
    private let failures: TLSFailure
    private var state = State.handshaking
    private var buffer: OpeningBuffer
    private var deadline: Scheduled<Void>?

    init(_ rules: Rules) {
        self.rules = rules
        failures = TLSFailure(peer: "it", authority: rules.contexts.authority)
        buffer = OpeningBuffer(largestPayload: rules.limits.openingPayload)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        deadline = context.eventLoop.assumeIsolated().scheduleTask(in: rules.limits.openingDeadline) {
            self.deadlinePassed(context)
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) { deadline?.cancel() }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case TLSUserEvent.handshakeCompleted(let negotiated):
            if state == .handshaking { greet(context, negotiated) }
        case is ChannelShouldQuiesceEvent:
            guard state != .finished else { break }
            state = .finished
            rules.logger.info("closed a connection that was still opening", metadata: metadata(context))
            context.close(promise: nil)
        default:
            break
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .awaitingFirstFrame(let peer) = state else { return }
        buffer.append(Self.unwrapInboundIn(data))
        do throws(LinkError) {
            guard let frame = try buffer.next() else { return }
            try rules.take(context.channel, peer, frame)
        } catch {
            refuse(context, error)
            return
        }
        state = .finished
        deadline?.cancel()
        rules.settled(context.channel)
        if let rest = buffer.takeRest() {
            context.fireChannelRead(Self.wrapInboundOut(rest))
            context.fireChannelReadComplete()
        }
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard state != .finished else {
            // Errors of a connection that is already given up say nothing new.
            return
        }
        // TLS sends its alert and closes by itself. A second close would not wait until the peer has read the alert.
        giveUp(context, failures.linkError(error, leaf: try? context.pipeline.syncOperations.nioSSL_peerCertificate()))
    }

    func channelInactive(context: ChannelHandlerContext) {
        if state != .finished { giveUp(context, .closed("it closed the connection before its first frame")) }
        context.fireChannelInactive()
    }

    private func greet(_ context: ChannelHandlerContext, _ negotiated: String?) {
        let peer: PeerCertificate
        do throws(LinkError) {
            guard negotiated == TLSContexts.applicationProtocol else {
                throw .violation("it does not offer the protocol \(TLSContexts.applicationProtocol)")
            }
            peer = try PeerCertificate.judged(
                try? context.pipeline.syncOperations.nioSSL_peerCertificate(),
                cluster: rules.contexts.name.cluster,
                roles: rules.roles,
                now: Date()
            )
        } catch {
            refuse(context, error)
            return
        }
        state = .awaitingFirstFrame(peer)
        write(
            context,
            .greeting(protocolVersion: LinkMessage.protocolVersion, name: rules.contexts.name.description)
        )
    }

    private func deadlinePassed(_ context: ChannelHandlerContext) {
        let seconds = rules.limits.openingDeadline.shownInSeconds
        switch state {
        case .handshaking:
            giveUp(context, .closed("its TLS handshake was not finished within \(seconds)"))
            context.close(promise: nil)
        case .awaitingFirstFrame:
            refuse(context, .closed("its first frame did not come within \(seconds)"))
        case .finished:
            context.close(promise: nil)
        }
    }

    /// Ends a connection whose peer can read why.
    private func refuse(_ context: ChannelHandlerContext, _ error: LinkError) {
        giveUp(context, error)
        write(context, .refused(reason: error.reason))
        context.close(promise: nil)
    }

    private func giveUp(_ context: ChannelHandlerContext, _ error: LinkError) {
        var metadata = metadata(context)
        if case .awaitingFirstFrame(let peer) = state { metadata["peer"] = "\(peer.name)" }
        // The deadline stays: it cuts a peer that does not let go.
        state = .finished
        let remote = Endpoint(context.remoteAddress)?.description ?? "an unknown address"
        rules.logger.warning("refused \(remote): \(error.reason)", metadata: metadata)
    }

    private func write(_ context: ChannelHandlerContext, _ message: LinkMessage) {
        let bytes = ControlFrameEncoder.encoded(message.frame(), context.channel.allocator)
        context.writeAndFlush(Self.wrapOutboundOut(bytes), promise: nil)
    }

    private func metadata(_ context: ChannelHandlerContext) -> Logger.Metadata {
        ["remote": "\(Endpoint(context.remoteAddress)?.description ?? "unknown")"]
    }
}
