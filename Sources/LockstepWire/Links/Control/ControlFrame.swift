package import LockstepCollectives
package import NIOCore

/// A whole frame of a control or bulk connection.
package struct ControlFrame: Sendable, Equatable {
    package let header: FrameHeader
    package let payload: ByteBuffer

    /// - Parameter header: its length is set to that of `payload`.
    package init(header: FrameHeader, payload: ByteBuffer) {
        var header = header
        header.length = UInt32(truncatingIfNeeded: payload.readableBytes)
        self.header = header
        self.payload = payload
    }

    package init(kind: FrameKind, payload: ByteBuffer) {
        self.init(header: FrameHeader(kind: kind, length: 0), payload: payload)
    }
}
