internal import LockstepCluster
internal import LockstepCore
internal import NIOCore
internal import NIOSSL

/// Whole frames of an open control or bulk connection: writes them, bounds what a peer that does not read can make this
/// side hold, and turns every disorderly end into one `LinkError`.
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

    init(place: String, limits: LinkLimits) {
        self.place = place
        self.limits = limits
        failures = TLSFailure(peer: place, authority: [])
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if !hasEnded { context.fireChannelRead(data) }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let frame = Self.unwrapOutboundIn(data)
        guard !hasEnded else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        guard frame.payload.readableBytes <= limits.payload else {
            let error = LinkError.violation(
                "a frame of \(frame.payload.readableBytes) bytes is too large to send to \(place)"
            )
            promise?.fail(error)
            end(context, error)
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
        if let error = error as? RevokedCertificate, !hasEnded,
            let frame = try? ControlFrame(.refused(reason: error.words))
        {
            // A text always encodes. Who learns why does not try again.
            let bytes = ControlFrameEncoder.encoded(frame, context.channel.allocator)
            context.writeAndFlush(Self.wrapOutboundOut(bytes), promise: nil)
        }
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
