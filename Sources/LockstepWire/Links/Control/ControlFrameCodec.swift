internal import LockstepCollectives
package import NIOCore

/// Cuts the stream of a control or bulk connection into frames. A header's length is checked before room is made.
package struct ControlFrameDecoder: NIOSingleStepByteToMessageDecoder {
    package typealias InboundOut = ControlFrame

    private let largestPayload: Int

    package init(largestPayload: Int) { self.largestPayload = largestPayload }

    package mutating func decode(buffer: inout ByteBuffer) throws -> ControlFrame? {
        guard buffer.readableBytes >= FrameHeader.byteCount else { return nil }
        let header = try ControlFrameDecoder.header(in: buffer, largestPayload)
        let total = FrameHeader.byteCount + Int(header.length)
        guard buffer.readableBytes >= total else { return nil }
        buffer.moveReaderIndex(forwardBy: FrameHeader.byteCount)
        // A copy: the frame must not keep the connection's whole read buffer alive.
        guard let payload = buffer.readBytes(length: Int(header.length)) else { return nil }
        return ControlFrame(header: header, payload: ByteBuffer(bytes: payload))
    }

    package mutating func decodeLast(buffer: inout ByteBuffer, seenEOF: Bool) throws -> ControlFrame? {
        if let frame = try decode(buffer: &buffer) { return frame }
        guard buffer.readableBytes == 0 else {
            throw LinkError.closed("the connection ended inside a frame")
        }
        return nil
    }

    /// The header at the front of `buffer`, which holds 32 bytes or more.
    static func header(in buffer: ByteBuffer, _ largestPayload: Int) throws(LinkError) -> FrameHeader {
        let read: Result<FrameHeader, FrameError> = buffer.withUnsafeReadableBytes { bytes in
            do throws(FrameError) { return .success(try FrameHeader(decoding: bytes)) } catch { return .failure(error) }
        }
        switch read {
        case .failure(let error):
            throw .violation("a frame is damaged: \(error)")
        case .success(let header):
            guard Int(header.length) <= largestPayload else {
                throw .violation("a frame of \(header.length) bytes came where \(largestPayload) are allowed")
            }
            return header
        }
    }
}

struct ControlFrameEncoder {
    /// Header and payload in one buffer, so that they travel in one TLS record.
    static func encode(_ frame: ControlFrame, into buffer: inout ByteBuffer) {
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: FrameHeader.byteCount) { room in
            frame.header.encode(into: room)
            return FrameHeader.byteCount
        }
        buffer.writeImmutableBuffer(frame.payload)
    }

    static func encoded(_ frame: ControlFrame, _ allocator: ByteBufferAllocator) -> ByteBuffer {
        var buffer = allocator.buffer(capacity: FrameHeader.byteCount + frame.payload.readableBytes)
        encode(frame, into: &buffer)
        return buffer
    }
}
