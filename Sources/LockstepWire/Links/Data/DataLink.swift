internal import LockstepCore
internal import NIOCore
internal import NIOPosix
internal import NIOSSL

/// How data links are set up on both sides.
enum DataLink {
    static func configure(_ bootstrap: ServerBootstrap) -> ServerBootstrap {
        bootstrap
            .childChannelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: readBytes))
            .childChannelOption(.writeBufferWaterMark, value: waterMark)
    }

    static func configure(_ bootstrap: ClientBootstrap) -> ClientBootstrap {
        bootstrap
            .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: readBytes))
            .channelOption(.writeBufferWaterMark, value: waterMark)
    }

    /// Answers a worker that was admitted, and gives its frames to the receiver. On the connection's loop.
    static func accept(
        _ channel: any Channel, _ peer: PeerName, _ admission: DataLinkAdmission, _ limits: LinkLimits, isClear: Bool
    ) throws(LinkError) {
        do {
            let answer = ControlFrameEncoder.encoded(try ControlFrame(admission.greeting), channel.allocator)
            guard let receiver = admission.receiver else {
                return channel.writeAndFlush(answer).whenComplete { _ in closeSoon(channel) }
            }
            channel.writeAndFlush(answer, promise: nil)
            try open(channel, peer, receiver, limits, isClear: isClear)
        } catch {
            throw .closed("the connection could not be set up")
        }
    }

    /// Closes a connection whose handlers are still being set up, once they are.
    static func closeSoon(_ channel: any Channel) {
        channel.eventLoop.execute { channel.close(promise: nil) }
    }

    static func open(
        _ channel: any Channel, _ peer: PeerName, _ receiver: any FrameReceiver, _ limits: LinkLimits, isClear: Bool
    ) throws {
        CongestionControl.prefer(channel)
        let endpoint = Endpoint(channel.remoteAddress)
        let place = endpoint.map { "\(peer.name) at \($0)" } ?? peer.name
        try channel.pipeline.syncOperations.addHandlers(
            // A socket without TLS keeps what is written until the peer has taken it.
            DataLinkHandler(
                peer: peer, place: place, receiver: receiver, lendsMemory: !isClear,
                isLoopback: endpoint?.isLoopback ?? false, recordsPerKey: limits.recordsPerKey
            ),
            LinkTimeout()
        )
    }

    /// Measured: larger reads gain nothing, smaller ones lose.
    private static let readBytes = 256 << 10
    private static let waterMark = ChannelOptions.Types.WriteBufferWaterMark(low: 512 << 10, high: 2 << 20)
}
