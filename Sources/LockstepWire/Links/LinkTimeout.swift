internal import CLockstepSystem
internal import NIOCore

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// Breaks a data link whose other end's system answers nothing any more, though no reset comes: where a cable or a route is
/// gone. Keep-alive finds that out where nothing is being sent. A system that does not tell keeps its own times.
///
/// `TCP_USER_TIMEOUT` is not for this: it also breaks a link whose other end is well and does not read for a while, as a
/// worker does that has not come so far in its step. Stands behind the link's handler, so that no frame passes it.
final class LinkTimeout: ChannelInboundHandler {
    typealias InboundIn = Never

    private static let interval = TimeAmount.seconds(2)
    private var silence = LinkSilence()
    private var next: Scheduled<Void>?

    #if os(Linux)
    func handlerAdded(context: ChannelHandlerContext) {
        LinkTimeout.withSocket(context) { socket in
            func set(_ level: CInt, _ name: CInt, _ value: CInt) {
                var value = value
                _ = setsockopt(socket, level, name, &value, socklen_t(MemoryLayout<CInt>.size))
            }
            set(SOL_SOCKET, SO_KEEPALIVE, 1)
            // Asked after four seconds without traffic, and twice more: ten seconds in all.
            set(CInt(IPPROTO_TCP), TCP_KEEPIDLE, 4)
            set(CInt(IPPROTO_TCP), TCP_KEEPINTVL, 2)
            set(CInt(IPPROTO_TCP), TCP_KEEPCNT, 3)
        }
        schedule(context)
    }
    #endif

    func handlerRemoved(context: ChannelHandlerContext) { next?.cancel() }

    private func schedule(_ context: ChannelHandlerContext) {
        next = context.eventLoop.assumeIsolated().scheduleTask(in: LinkTimeout.interval) { self.look(context) }
    }

    private func look(_ context: ChannelHandlerContext) {
        guard context.channel.isActive else { return }
        let unanswered = LinkTimeout.withSocket(context) { ls_system_unanswered($0) } ?? 0
        guard silence.isGone(unanswered: unanswered) else { return schedule(context) }
        context.pipeline.fireErrorCaught(IOError(errnoCode: ETIMEDOUT, reason: "acknowledgement"))
        context.close(promise: nil)
    }

    private static func withSocket<Result>(
        _ context: ChannelHandlerContext, _ body: (NIOBSDSocket.Handle) -> Result
    ) -> Result? {
        try? context.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self, body)
    }
}
