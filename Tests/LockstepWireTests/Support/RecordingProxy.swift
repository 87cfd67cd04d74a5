import LockstepTestSupport
import LockstepWire
import NIOCore
import NIOPosix
import Synchronization

/// Stands between two processes, passes every byte on, and keeps a copy.
final class RecordingProxy: Sendable {
    /// Where to dial instead of the real address.
    let address: Endpoint

    private let recorded: Recording
    private let server: any Channel

    final class Recording: Sendable {
        private let bytes = Mutex<[UInt8]>([])

        func append(_ buffer: ByteBuffer) { bytes.withLock { $0 += Array(buffer.readableBytesView) } }

        var all: [UInt8] { bytes.withLock { $0 } }
    }

    private final class Relay: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        let other: any Channel
        let recording: Recording
        var random: SeededGenerator?

        init(to other: any Channel, _ recording: Recording, cutBySeed seed: UInt64?) {
            self.other = other
            self.recording = recording
            random = seed.map(SeededGenerator.init)
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            var buffer = Self.unwrapInboundIn(data)
            recording.append(buffer)
            if var random {
                while buffer.readableBytes > 1 {
                    let count = Int.random(in: 1...min(buffer.readableBytes, 20_000), using: &random)
                    guard let piece = buffer.readSlice(length: count) else { break }
                    other.writeAndFlush(piece, promise: nil)
                }
                self.random = random
            }
            if buffer.readableBytes > 0 { other.writeAndFlush(buffer, promise: nil) }
        }

        func channelInactive(context: ChannelHandlerContext) { other.close(promise: nil) }
    }

    /// - Parameter seed: passes bytes on in pieces of random length; nil: as they come.
    init(to target: Endpoint, cutBySeed seed: UInt64? = nil) async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let recording = Recording()
        recorded = recording
        server = try await ServerBootstrap(group: group)
            // Nothing is read before the other side is there.
            .childChannelOption(.autoRead, value: false)
            .childChannelInitializer { near in
                ClientBootstrap(group: group)
                    .channelInitializer { far in
                        far.eventLoop.makeCompletedFuture {
                            try far.pipeline.syncOperations.addHandler(Relay(to: near, recording, cutBySeed: seed))
                        }
                    }
                    .connect(host: target.host, port: target.port)
                    .hop(to: near.eventLoop)
                    .flatMapThrowing { far in
                        try near.pipeline.syncOperations.addHandler(Relay(to: far, recording, cutBySeed: seed))
                        near.setOption(.autoRead, value: true).whenFailure { _ in near.close(promise: nil) }
                    }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        address = Endpoint(server.localAddress) ?? target
    }

    deinit { server.close(promise: nil) }

    /// All bytes of both directions so far.
    var bytes: [UInt8] { recorded.all }

    /// Whether any `width` bytes in a row of `secret` went over the wire.
    func saw(_ secret: [UInt8], width: Int = 16) -> Bool {
        let wire = bytes
        guard wire.count >= width, secret.count >= width else { return false }
        var windows = Set<ArraySlice<UInt8>>()
        for start in stride(from: 0, through: secret.count - width, by: 1) {
            windows.insert(secret[start..<start + width])
        }
        return (0...wire.count - width).contains { windows.contains(wire[$0..<$0 + width]) }
    }
}
