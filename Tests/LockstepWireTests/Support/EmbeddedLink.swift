import LockstepCollectives
import LockstepCore
import LockstepWire
import NIOCore
import NIOEmbedded

/// A data link's handler on a channel without a network.
enum EmbeddedLink {
    static func open(
        _ receiver: TestReceiver, isLoopback: Bool = true, recordsPerKey: Int = 1 << 24
    ) throws -> (EmbeddedChannel, DataLinkHandler) {
        let handler = DataLinkHandler(
            peer: try PeerName(cluster: "demo", role: .worker, name: "w1"), place: "w1", receiver: receiver,
            lendsMemory: false, isLoopback: isLoopback, recordsPerKey: recordsPerKey
        )
        let channel = EmbeddedChannel(handler: handler)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        return (channel, handler)
    }

    /// What the handler wrote since the last call, write by write.
    static func pieces(_ channel: EmbeddedChannel) throws -> [[UInt8]] {
        var pieces: [[UInt8]] = []
        while let buffer = try channel.readOutbound(as: ByteBuffer.self) {
            pieces.append(Array(buffer.readableBytesView))
        }
        return pieces
    }

    static func written(_ channel: EmbeddedChannel) throws -> [UInt8] { try pieces(channel).flatMap { $0 } }

    /// The headers in what the handler wrote, in order; payloads are passed over.
    static func headers(_ bytes: [UInt8]) throws -> [FrameHeader] {
        var headers: [FrameHeader] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let header = try FrameHeader(decoding: Array(rest.prefix(FrameHeader.byteCount)))
            headers.append(header)
            rest = rest.dropFirst(FrameHeader.byteCount + Int(header.length))
        }
        return headers
    }
}
