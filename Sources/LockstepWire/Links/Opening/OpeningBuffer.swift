internal import LockstepCollectives
internal import NIOCore

/// Collects the first frames of a connection while its peer is not trusted: never more than one small frame.
struct OpeningBuffer {
    private var bytes = ByteBuffer()
    private let largestPayload: Int

    init(largestPayload: Int) { self.largestPayload = largestPayload }

    /// Copies: the connection's read buffer must not be kept.
    mutating func append(_ buffer: ByteBuffer) { bytes.writeImmutableBuffer(buffer) }

    /// The next whole frame, nil when more bytes are needed.
    mutating func next() throws(LinkError) -> ControlFrame? {
        guard bytes.readableBytes >= FrameHeader.byteCount else { return nil }
        let header = try ControlFrameDecoder.header(in: bytes, largestPayload)
        let total = FrameHeader.byteCount + Int(header.length)
        guard bytes.readableBytes >= total, var frame = bytes.readSlice(length: total) else { return nil }
        frame.moveReaderIndex(forwardBy: FrameHeader.byteCount)
        return ControlFrame(header: header, payload: frame)
    }

    /// What came behind the frames taken so far.
    mutating func takeRest() -> ByteBuffer? {
        defer { bytes = ByteBuffer() }
        return bytes.readableBytes == 0 ? nil : bytes
    }
}
