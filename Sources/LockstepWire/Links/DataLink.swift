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

    /// Answers a worker that was admitted, and gives its frames to `receiver`. On the connection's loop.
    static func accept(
        _ channel: any Channel, _ peer: PeerCertificate, _ admission: DataLinkAdmission
    ) throws(LinkError) {
        do {
            let answer = ControlFrameEncoder.encoded(try ControlFrame(admission.greeting), channel.allocator)
            channel.writeAndFlush(answer, promise: nil)
            try open(channel, peer, admission.receiver)
        } catch {
            throw .closed("the connection could not be set up")
        }
    }

    static func open(
        _ channel: any Channel, _ peer: PeerCertificate, _ receiver: any FrameReceiver
    ) throws {
        CongestionControl.preferReno(channel)
        let place = Endpoint(channel.remoteAddress).map { "\(peer.name.name) at \($0)" } ?? peer.name.name
        try channel.pipeline.syncOperations.addHandler(
            DataLinkHandler(peer: peer.name, place: place, receiver: receiver)
        )
    }

    /// Measured: larger reads gain nothing, smaller ones lose.
    private static let readBytes = 256 << 10
    private static let waterMark = ChannelOptions.Types.WriteBufferWaterMark(low: 512 << 10, high: 2 << 20)
}
