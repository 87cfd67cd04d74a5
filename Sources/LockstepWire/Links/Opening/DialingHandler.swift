internal import LockstepCluster
internal import LockstepCollectives
internal import LockstepCore
internal import NIOCore
internal import NIOSSL
internal import NIOTLS

#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

/// The dialling side of a connection until both sides trust each other: waits for TLS, judges the certificate, waits for
/// the greeting, sends the first frame, waits for the answer where one is due, and hands the connection over.
final class DialingHandler<Product: Sendable>: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = ByteBuffer

    struct Rules: Sendable {
        let contexts: TLSContexts
        /// Without TLS: the peer is who it says it is, and there is no certificate.
        var isClear = false
        /// Who must answer: a role, and a name where one is known.
        let role: PeerRole
        let name: String?
        let limits: LinkLimits
        let deadline: TimeAmount
        /// How the other end is called in errors.
        let place: String
        let firstFrame: ControlFrame
        /// Judges the answer to the first frame; nil where the connection is open without one.
        let judgeAnswer: (@Sendable (ControlFrame) throws(LinkError) -> Void)?
        /// Adds the handlers that carry on, knowing the peer's certificate (nil in the clear). On the connection's loop.
        let take: @Sendable (any Channel, PeerCertificate?) throws -> Product
    }

    private enum State: Equatable {
        case handshaking
        case awaitingGreeting(PeerCertificate?)
        case awaitingAnswer(PeerCertificate?)
        case finished
    }

    private let rules: Rules
    private let promise: EventLoopPromise<Product>
    private let failures: TLSFailure
    private var state = State.handshaking
    private var buffer: OpeningBuffer
    private var deadline: Scheduled<Void>?

    /// - Parameter promise: fulfilled in every case, at the latest when the handler leaves the pipeline.
    init(_ rules: Rules, promise: EventLoopPromise<Product>) {
        self.rules = rules
        self.promise = promise
        failures = TLSFailure(peer: rules.place, authority: rules.contexts.authority)
        buffer = OpeningBuffer(largestPayload: rules.limits.openingPayload)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        deadline = context.eventLoop.assumeIsolated().scheduleTask(in: rules.deadline) {
            self.fail(
                context, .unreachable("\(self.rules.place) did not answer within \(self.rules.deadline.shownInSeconds)")
            )
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        deadline?.cancel()
        if state != .finished {
            state = .finished
            promise.fail(LinkError.closed("\(rules.place) closed the connection before it was open"))
        }
    }

    func channelActive(context: ChannelHandlerContext) {
        if rules.isClear, state == .handshaking { state = .awaitingGreeting(nil) }
        context.fireChannelActive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case TLSUserEvent.handshakeCompleted(let negotiated) = event, state == .handshaking {
            handshakeCompleted(context, negotiated)
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard state != .finished else { return }
        buffer.append(Self.unwrapInboundIn(data))
        do throws(LinkError) {
            while state != .finished, let frame = try buffer.next() { try received(context, frame) }
        } catch {
            fail(context, error)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard state != .finished else { return }
        let leaf = try? context.pipeline.syncOperations.nioSSL_peerCertificate()
        fail(context, failures.linkError(error, leaf: leaf))
    }

    func channelInactive(context: ChannelHandlerContext) {
        if state != .finished {
            fail(context, .closed("\(rules.place) closed the connection before it was open"))
        }
        context.fireChannelInactive()
    }

    private func handshakeCompleted(_ context: ChannelHandlerContext, _ negotiated: String?) {
        do throws(LinkError) {
            guard negotiated == TLSContexts.applicationProtocol else {
                throw .violation("\(rules.place) does not speak \(TLSContexts.applicationProtocol)")
            }
            let peer: PeerCertificate
            do throws(LinkError) {
                peer = try PeerCertificate.judged(
                    try? context.pipeline.syncOperations.nioSSL_peerCertificate(),
                    cluster: rules.contexts.name.cluster,
                    roles: [rules.role],
                    now: Date()
                )
                if let name = rules.name, peer.name.name != name {
                    throw LinkError.refused("its certificate is of \(peer.name), expected \(name)")
                }
                try rules.contexts.revocations.admit(peer, on: context.channel)
            } catch {
                throw .refused("\(rules.place) is not accepted: \(error.reason)")
            }
            state = .awaitingGreeting(peer)
        } catch {
            fail(context, error)
        }
    }

    private func received(_ context: ChannelHandlerContext, _ frame: ControlFrame) throws(LinkError) {
        if frame.header.kind == .message, case .refused(let reason) = try frame.message() {
            throw .refused("\(rules.place) refused this process: \(reason.escapedForDisplay(limit: 400))")
        }
        switch state {
        case .awaitingGreeting(let peer):
            let name: PeerName
            if let peer { name = peer.name } else { name = try nameInTheClear() }
            let greeting = try Greeting(frame, from: name, place: rules.place)
            guard greeting.version == Greeting.currentVersion else {
                throw .violation(
                    "\(rules.place) speaks version \(greeting.version) of the protocol, this program version "
                        + "\(Greeting.currentVersion): run the same program on both sides"
                )
            }
            let bytes = ControlFrameEncoder.encoded(rules.firstFrame, context.channel.allocator)
            state = .awaitingAnswer(peer)
            context.writeAndFlush(Self.wrapOutboundOut(bytes), promise: nil)
            if rules.judgeAnswer == nil { handOver(context, peer) }
        case .awaitingAnswer(let peer):
            try rules.judgeAnswer?(frame)
            handOver(context, peer)
        case .handshaking, .finished:
            throw .violation("\(rules.place) said something that is not due while a connection opens")
        }
    }

    /// Who answers where nothing proves it: whoever is looked for.
    private func nameInTheClear() throws(LinkError) -> PeerName {
        do throws(CommandError) {
            return try PeerName(cluster: rules.contexts.name.cluster, role: rules.role, name: rules.name ?? "")
        } catch {
            throw .violation(error.description)
        }
    }

    private func handOver(_ context: ChannelHandlerContext, _ peer: PeerCertificate?) {
        // Writing the first frame may have found the connection broken.
        guard state != .finished else { return }
        let product: Product
        do {
            product = try rules.take(context.channel, peer)
        } catch {
            fail(context, failures.linkError(error, leaf: nil))
            return
        }
        state = .finished
        deadline?.cancel()
        promise.succeed(product)
        if let rest = buffer.takeRest() {
            context.fireChannelRead(Self.wrapInboundOut(rest))
            context.fireChannelReadComplete()
        }
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }

    private func fail(_ context: ChannelHandlerContext, _ error: LinkError) {
        guard state != .finished else { return }
        state = .finished
        deadline?.cancel()
        promise.fail(error)
        context.close(promise: nil)
    }
}
