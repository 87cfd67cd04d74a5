internal import NIOCore

/// Stands between TLS and the socket of an accepted connection. Closing a socket that still has unread bytes resets the
/// connection, and the reset can overtake the last words to the peer: the alert or refusal that tells it why. So a close
/// ends only the sending side, drops what still comes, and waits a moment for the peer to close.
final class LingeringCloseHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum State {
        case open
        case lingering(Scheduled<Void>)
        case closed
    }

    private let patience: TimeAmount
    private var state = State.open
    private var promise: EventLoopPromise<Void>?

    init(patience: TimeAmount) { self.patience = patience }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard mode == .all else {
            context.close(mode: mode, promise: promise)
            return
        }
        switch state {
        case .open:
            guard context.channel.isActive else {
                state = .closed
                context.close(mode: .all, promise: promise)
                return
            }
            self.promise = promise
            state = .lingering(
                context.eventLoop.assumeIsolated().scheduleTask(in: patience) { self.finish(context) }
            )
            context.close(mode: .output).assumeIsolated().whenFailure { _ in self.finish(context) }
        case .lingering, .closed:
            // A second close is one that does not wait.
            finish(context, promise)
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .open = state { context.fireChannelRead(data) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        settle()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { settle() }

    private func finish(_ context: ChannelHandlerContext, _ other: EventLoopPromise<Void>? = nil) {
        settle()
        context.close(mode: .all, promise: other)
    }

    /// The first closer is told once, however the end comes.
    private func settle() {
        if case .lingering(let timer) = state { timer.cancel() }
        state = .closed
        let promise = self.promise
        self.promise = nil
        promise?.succeed(())
    }
}
