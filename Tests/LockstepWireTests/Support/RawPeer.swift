import LockstepWire
import LockstepWireTestSupport
import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS
import Synchronization

/// A peer that speaks what it likes: plain bytes, or TLS with any settings. Collects what comes until the end.
final class RawPeer: Sendable {
    struct End: Sendable {
        let received: [UInt8]
        let errors: [String]

        var text: String { String(decoding: received, as: UTF8.self) }
    }

    private final class Collector: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        let end: EventLoopPromise<End>
        let handshake: EventLoopPromise<Void>
        let heard: AsyncStream<Int>.Continuation
        var received: [UInt8] = []
        var errors: [String] = []

        init(_ end: EventLoopPromise<End>, _ handshake: EventLoopPromise<Void>, _ heard: AsyncStream<Int>.Continuation)
        {
            self.end = end
            self.handshake = handshake
            self.heard = heard
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            received += Array(Self.unwrapInboundIn(data).readableBytesView)
            heard.yield(received.count)
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case TLSUserEvent.handshakeCompleted = event { handshake.succeed(()) }
            context.fireUserInboundEventTriggered(event)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            errors.append("\(error)")
            context.close(promise: nil)
        }

        func handlerRemoved(context: ChannelHandlerContext) {
            heard.finish()
            handshake.fail(ChannelError.alreadyClosed)
            end.succeed(End(received: received, errors: errors))
        }
    }

    private let channel: any Channel
    private let end: EventLoopFuture<End>
    private let handshake: EventLoopFuture<Void>
    private let heard: AsyncStream<Int>

    private init(
        _ channel: any Channel, _ end: EventLoopFuture<End>, _ handshake: EventLoopFuture<Void>,
        _ heard: AsyncStream<Int>
    ) {
        self.channel = channel
        self.end = end
        self.handshake = handshake
        self.heard = heard
    }

    static func connect(to endpoint: Endpoint, tls: TLSConfiguration? = nil) async throws -> RawPeer {
        let context = try tls.map { try NIOSSLContext(configuration: $0) }
        let (heard, continuation) = AsyncStream.makeStream(of: Int.self)
        let (channel, end, handshake) = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(.patience)
            .connect(host: endpoint.host, port: endpoint.port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    let end = channel.eventLoop.makePromise(of: End.self)
                    let handshake = channel.eventLoop.makePromise(of: Void.self)
                    if let context {
                        try channel.pipeline.syncOperations.addHandler(
                            NIOSSLClientHandler(context: context, serverHostname: nil)
                        )
                    }
                    try channel.pipeline.syncOperations.addHandler(Collector(end, handshake, continuation))
                    return (channel, end.futureResult, handshake.futureResult)
                }
            }
        return RawPeer(channel, end, handshake, heard)
    }

    func send(_ bytes: [UInt8]) async throws { try await channel.writeAndFlush(ByteBuffer(bytes: bytes)).get() }

    /// Like `send`, but the other side may be gone already.
    func trySend(_ bytes: [UInt8]) { channel.writeAndFlush(ByteBuffer(bytes: bytes), promise: nil) }

    func handshakeFinished() async throws { try await handshake.get() }

    /// Waits until bytes have come.
    func somethingHeard() async { for await _ in heard { return } }

    /// Takes nothing more from the socket.
    func stopReading() { channel.setOption(.autoRead, value: false).whenComplete { _ in } }

    func close() { channel.close(promise: nil) }

    /// Waits until the connection is closed, by whichever side.
    func closed() async throws -> End { try await end.get() }
}
