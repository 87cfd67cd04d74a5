internal import CLockstepSystem
package import NIOCore
internal import NIOPosix

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#endif

/// Keeps an event loop from sleeping while something is awaited that comes within microseconds: waking a sleeping core
/// costs 20 to 50 µs. Only on Linux; elsewhere it does nothing.
///
/// NIO's loop sleeps while no descriptor is readable, and tasks that beget tasks would starve its sockets. So this
/// registers a descriptor that is always readable, and each tick reads from it once. While it is off nothing is
/// registered. Loop-bound.
package final class LoopWaker {
    private let channel: (any Channel)?
    private let handler = Handler()

    /// On the loop.
    ///
    /// - Parameter loop: one of NIOPosix; any other goes on sleeping.
    package init(loop: any EventLoop) {
        loop.assertInEventLoop()
        channel = LoopWaker.channel(on: loop, handler)
    }

    deinit { channel?.close(promise: nil) }

    /// Keeps the loop awake until `stop`, or until the time has passed. On the loop.
    package func start(atMost time: TimeAmount) { handler.start(until: .now() + time) }

    /// Lets the loop sleep again, from its next tick on. On the loop.
    package func stop() { handler.stop() }

    /// How often the loop was kept awake by this. On the loop.
    package var ticks: Int { handler.ticks }

    private static func channel(on loop: any EventLoop, _ handler: Handler) -> (any Channel)? {
        guard NIOPipeBootstrap(validatingGroup: loop) != nil else { return nil }
        let descriptor = ls_system_always_readable()
        guard descriptor >= 0 else { return nil }
        let bound = NIOLoopBound(handler, eventLoop: loop)
        let opened = NIOPipeBootstrap(group: loop)
            .channelOption(.autoRead, value: false)
            .channelOption(.maxMessagesPerRead, value: 1)
            .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 8))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(bound.value)
                }
            }
            .takingOwnershipOfDescriptor(input: descriptor)
        var channel: (any Channel)?
        // On its own loop a channel is there at once.
        opened.assumeIsolated().whenComplete { result in
            switch result {
            case .success(let opened): channel = opened
            case .failure: close(descriptor)
            }
        }
        return channel
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private(set) var ticks = 0
        private var context: ChannelHandlerContext?
        private var deadline = NIODeadline.distantPast
        private var isOn = false

        func start(until deadline: NIODeadline) {
            self.deadline = deadline
            guard !isOn, let context else { return }
            isOn = true
            context.read()
        }

        func stop() { deadline = .distantPast }

        func handlerAdded(context: ChannelHandlerContext) { self.context = context }

        func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

        /// What is not asked for again is no longer registered.
        func channelReadComplete(context: ChannelHandlerContext) {
            ticks += 1
            if .now() < deadline { context.read() } else { isOn = false }
        }
    }
}
