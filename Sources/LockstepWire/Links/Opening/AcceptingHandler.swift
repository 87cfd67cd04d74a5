internal import LockstepCluster
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
        /// Without TLS: the peer is who it says it is, and there is no certificate.
        var isClear = false
        let roles: [PeerRole]
        let limits: LinkLimits
        let logger: Logger
        /// Judges the first frame of a peer with a good certificate (nil in the clear) and adds the handlers that carry
        /// on. On the connection's loop.
        let take: @Sendable (any Channel, PeerCertificate?, ControlFrame) throws(LinkError) -> Void
        /// Called once when the connection no longer counts as unknown.
        let settled: @Sendable (any Channel) -> Void
    }

    private enum State: Equatable {
        case handshaking
        case awaitingFirstFrame(PeerCertificate?)
        case finished
    }

    private let rules: Rules
    private let failures: TLSFailure
    private var state = State.handshaking
    private var buffer: OpeningBuffer
    private var deadline: Scheduled<Void>?
    /// Kept from the start: a closed socket has no peer any more.
    private var remote: Endpoint?

    init(_ rules: Rules) {
        self.rules = rules
        failures = TLSFailure(peer: "it", authority: rules.contexts.authority)
        buffer = OpeningBuffer(largestPayload: rules.limits.openingPayload)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        remote = Endpoint(context.remoteAddress)
        setDeadline(context, rules.limits.openingDeadline)
    }

    func handlerRemoved(context: ChannelHandlerContext) { deadline?.cancel() }

    func channelActive(context: ChannelHandlerContext) {
        if remote == nil { remote = Endpoint(context.remoteAddress) }
        context.fireChannelActive()
        if rules.isClear, state == .handshaking { greet(context, peer: nil) }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case TLSUserEvent.handshakeCompleted(let negotiated):
            if state == .handshaking { judge(context, negotiated) }
        case is ChannelShouldQuiesceEvent:
            guard state != .finished else { break }
            state = .finished
            rules.logger.info("closed a connection that was still opening", metadata: metadata)
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
        if let error = error as? RevokedCertificate { return refuse(context, .refused(error.words)) }
        // TLS sends its alert and closes by itself.
        giveUp(failures.linkError(error, leaf: try? context.pipeline.syncOperations.nioSSL_peerCertificate()))
    }

    func channelInactive(context: ChannelHandlerContext) {
        if state != .finished { giveUp(.closed("it closed the connection before its first frame")) }
        context.fireChannelInactive()
    }

    private func judge(_ context: ChannelHandlerContext, _ negotiated: String?) {
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
            try rules.contexts.revocations.admit(peer, on: context.channel)
        } catch {
            refuse(context, error)
            return
        }
        greet(context, peer: peer)
    }

    private func greet(_ context: ChannelHandlerContext, peer: PeerCertificate?) {
        state = .awaitingFirstFrame(peer)
        deadline?.cancel()
        setDeadline(context, rules.limits.firstFrameDeadline)
        write(context, try? Greeting(name: rules.contexts.name).frame())
    }

    private func setDeadline(_ context: ChannelHandlerContext, _ time: TimeAmount) {
        deadline = context.eventLoop.assumeIsolated().scheduleTask(in: time) { self.deadlinePassed(context) }
    }

    private func deadlinePassed(_ context: ChannelHandlerContext) {
        switch state {
        case .handshaking:
            giveUp(.closed("its TLS handshake was not finished within \(rules.limits.openingDeadline.shownInSeconds)"))
        case .awaitingFirstFrame:
            giveUp(.closed("its first frame did not come within \(rules.limits.firstFrameDeadline.shownInSeconds)"))
        case .finished:
            break
        }
        context.close(promise: nil)
    }

    /// Ends a connection whose peer can read why. One that may try again sees it closed only: a refusal is final.
    private func refuse(_ context: ChannelHandlerContext, _ error: LinkError) {
        giveUp(error)
        if !error.isWorthRetrying { write(context, try? ControlFrame(.refused(reason: error.reason))) }
        context.close(promise: nil)
    }

    private func giveUp(_ error: LinkError) {
        var metadata = metadata
        if case .awaitingFirstFrame(let peer?) = state { metadata["peer"] = "\(peer.name)" }
        // The deadline stays: it cuts a peer that does not let go.
        state = .finished
        let place = remote?.description ?? "a peer that was gone at once"
        rules.logger.warning("refused \(place): \(error.reason)", metadata: metadata)
    }

    /// - Parameter frame: nil where JSON could not be made, which texts and integers cannot cause.
    private func write(_ context: ChannelHandlerContext, _ frame: ControlFrame?) {
        guard let frame else { return }
        let bytes = ControlFrameEncoder.encoded(frame, context.channel.allocator)
        context.writeAndFlush(Self.wrapOutboundOut(bytes), promise: nil)
    }

    private var metadata: Logger.Metadata { ["remote": "\(remote?.description ?? "unknown")"] }
}
