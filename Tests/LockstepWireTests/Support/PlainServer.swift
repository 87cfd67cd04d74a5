import LockstepWire
import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS

/// A server that is none of ours: says one thing to everybody, in the clear or after a TLS handshake.
final class PlainServer: Sendable {
    let address: Endpoint
    private let server: any Channel
    private let counts: AsyncStream<Int>

    private final class Speaker: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        let words: [UInt8]
        let waitsForTLS: Bool
        let heard: AsyncStream<Int>.Continuation
        var count = 0

        init(_ words: [UInt8], waitsForTLS: Bool, _ heard: AsyncStream<Int>.Continuation) {
            self.words = words
            self.waitsForTLS = waitsForTLS
            self.heard = heard
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            count += Self.unwrapInboundIn(data).readableBytes
            heard.yield(count)
        }

        func channelActive(context: ChannelHandlerContext) {
            if !waitsForTLS { speak(context) }
            context.fireChannelActive()
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case TLSUserEvent.handshakeCompleted = event { speak(context) }
        }

        private func speak(_ context: ChannelHandlerContext) {
            context.writeAndFlush(NIOAny(ByteBuffer(bytes: words)), promise: nil)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }

    convenience init(saying text: String) async throws { try await self.init(saying: Array(text.utf8), tls: nil) }

    init(saying words: [UInt8], tls: TLSConfiguration?) async throws {
        let tls = try tls.map { try NIOSSLContext(configuration: $0) }
        let (counts, continuation) = AsyncStream.makeStream(of: Int.self)
        self.counts = counts
        server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { child in
                child.eventLoop.makeCompletedFuture {
                    if let tls { try child.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
                    try child.pipeline.syncOperations.addHandler(
                        Speaker(words, waitsForTLS: tls != nil, continuation))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        address = Endpoint(server.localAddress) ?? Endpoint(host: "", port: 0)
    }

    /// Waits until one connection has sent this many bytes.
    func heard(_ count: Int) async { for await heard in counts where heard >= count { return } }

    deinit { server.close(promise: nil) }
}
