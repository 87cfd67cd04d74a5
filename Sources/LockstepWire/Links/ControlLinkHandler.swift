internal import LockstepCollectives
internal import LockstepCore
internal import NIOCore
internal import NIOSSL

/// Whole frames of an open control or bulk connection: obeys the link's own words, writes frames, bounds what a peer
/// that does not read can make this side hold, and turns every end into one `LinkError`.
final class ControlLinkHandler: ChannelDuplexHandler {
    typealias InboundIn = ControlFrame
    typealias InboundOut = ControlFrame
    typealias OutboundIn = ControlFrame
    typealias OutboundOut = ByteBuffer

    private let place: String
    private let failures: TLSFailure
    private let limits: LinkLimits
    private var pendingBytes = 0
    private var hasEnded = false

    init(place: String, contexts: TLSContexts, limits: LinkLimits) {
        self.place = place
        self.limits = limits
        failures = TLSFailure(peer: place, authority: contexts.authority)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !hasEnded else { return }
        let frame = Self.unwrapInboundIn(data)
        guard frame.header.kind == .link else {
            context.fireChannelRead(data)
            return
        }
        do throws(LinkError) {
            guard case .refused(let reason) = try LinkMessage(frame) else {
                throw .violation("\(place) said something about the link that is not due")
            }
            throw .refused("\(place) refused this process: \(reason.escapedForDisplay(limit: 400))")
        } catch {
            end(context, error)
        }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let frame = Self.unwrapOutboundIn(data)
        guard !hasEnded else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        guard frame.payload.readableBytes <= limits.payload else {
            promise?.fail(
                LinkError.violation("a frame of \(frame.payload.readableBytes) bytes is too large for \(place)")
            )
            return
        }
        let bytes = ControlFrameEncoder.encoded(frame, context.channel.allocator)
        let count = bytes.readableBytes
        pendingBytes += count
        let written = promise ?? context.eventLoop.makePromise(of: Void.self)
        written.futureResult.assumeIsolated().whenComplete { _ in self.pendingBytes -= count }
        context.write(Self.wrapOutboundOut(bytes), promise: written)
        if pendingBytes > limits.outboundBytes {
            end(context, .closed("\(place) does not read: \(pendingBytes) bytes wait for it"))
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        end(context, failures.linkError(error, leaf: nil))
    }

    func channelInactive(context: ChannelHandlerContext) {
        hasEnded = true
        context.fireChannelInactive()
    }

    private func end(_ context: ChannelHandlerContext, _ error: LinkError) {
        guard !hasEnded else { return }
        hasEnded = true
        context.fireErrorCaught(error)
        context.close(promise: nil)
    }
}
