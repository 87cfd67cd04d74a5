import LockstepWire
import NIOCore
import NIOPosix

/// A server that is none of ours: says one thing to everybody, in the clear.
final class PlainServer: Sendable {
    let address: Endpoint
    private let server: any Channel
    private let counts: AsyncStream<Int>

    private final class Speaker: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        let text: String
        let heard: AsyncStream<Int>.Continuation
        var count = 0

        init(_ text: String, _ heard: AsyncStream<Int>.Continuation) {
            self.text = text
            self.heard = heard
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            count += Self.unwrapInboundIn(data).readableBytes
            heard.yield(count)
        }

        func channelActive(context: ChannelHandlerContext) {
            context.writeAndFlush(NIOAny(ByteBuffer(string: text)), promise: nil)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }

    init(saying text: String) async throws {
        let (counts, continuation) = AsyncStream.makeStream(of: Int.self)
        self.counts = counts
        server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { child in
                child.eventLoop.makeCompletedFuture {
                    try child.pipeline.syncOperations.addHandler(Speaker(text, continuation))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        address = Endpoint(server.localAddress) ?? Endpoint(host: "", port: 0)
    }

    /// Waits until one connection has sent this many bytes.
    func heard(_ count: Int) async { for await heard in counts where heard >= count { return } }

    deinit { server.close(promise: nil) }
}
