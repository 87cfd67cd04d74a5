internal import NIOCore

/// Stands in a listener's own channel and stops accepting while too many connections are not yet trusted: the others
/// wait in the kernel's backlog, and each settled one lets the next in.
final class OpeningLimitHandler: ChannelDuplexHandler {
    typealias InboundIn = any Channel
    typealias InboundOut = any Channel
    typealias OutboundIn = Never

    private let limit: Int
    private var unsettled: Set<ObjectIdentifier> = []
    private var context: ChannelHandlerContext?
    private var readIsHeld = false

    init(limit: Int) { self.limit = limit }

    /// Says that `child` is trusted now, on its own loop; looks for the handler in the listener's channel.
    static func settled(_ child: any Channel) {
        let key = ObjectIdentifier(child)
        guard let server = child.parent else { return }
        server.eventLoop.execute {
            if let limiter = try? server.pipeline.syncOperations.handler(type: OpeningLimitHandler.self) {
                limiter.settled(key)
            }
        }
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let child = Self.unwrapInboundIn(data)
        let key = ObjectIdentifier(child)
        unsettled.insert(key)
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        let loop = context.eventLoop
        child.closeFuture.whenComplete { _ in loop.execute { bound.value.settled(key) } }
        context.fireChannelRead(data)
    }

    func read(context: ChannelHandlerContext) {
        if unsettled.count < limit { context.read() } else { readIsHeld = true }
    }

    /// The connection with this identity is trusted now, or gone.
    private func settled(_ key: ObjectIdentifier) {
        guard unsettled.remove(key) != nil, readIsHeld, unsettled.count < limit else { return }
        readIsHeld = false
        context?.read()
    }
}
