internal import LockstepCollectives
internal import NIOCore

/// Collects the 32 bytes of a header, however they come.
final class HeaderReader {
    private let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: FrameHeader.byteCount, alignment: 8)
    private var count = 0

    deinit { bytes.deallocate() }

    /// Whether a header has begun.
    var isInside: Bool { count > 0 }

    /// - Returns: nil where more bytes are needed.
    func read(_ buffer: inout ByteBuffer) throws(FrameError) -> FrameHeader? {
        count += buffer.readWithUnsafeReadableBytes { readable in
            let taken = min(bytes.count - count, readable.count)
            UnsafeMutableRawBufferPointer(rebasing: bytes[count..<count + taken])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: readable[..<taken]))
            return taken
        }
        guard count == bytes.count else { return nil }
        count = 0
        return try FrameHeader(decoding: UnsafeRawBufferPointer(bytes))
    }
}
