@_spi(CustomByteBufferAllocator) internal import NIOCore

/// Views of memory that belongs to somebody else as byte buffers, without a copy and, for neighbours, without an
/// allocation. The one place that uses this part of NIO's interface, which is not covered by its version numbers.
///
/// A view is good for reading until the memory goes or changes. It must never be written to.
struct BorrowedBytes {
    /// Spans twice this, so that every piece that begins in the first half lies inside.
    private static let span: UInt = 1 << 30

    private static let nobodysAllocator = ByteBufferAllocator(
        allocate: { _ in nil },
        reallocate: { _, _, _ in nil },
        deallocate: { _ in },
        copy: { destination, source, count in destination.copyMemory(from: source, byteCount: count) }
    )

    /// An empty view that begins at `base`, and is given other indices for each piece.
    private var whole = ByteBuffer()
    private var base: UInt?

    /// - Parameter bytes: at most 1 GiB, not empty.
    mutating func view(of bytes: UnsafeRawBufferPointer) -> ByteBuffer {
        guard let start = bytes.baseAddress else { return ByteBuffer() }
        let address = UInt(bitPattern: start)
        let base = address & ~(BorrowedBytes.span - 1)
        // The lowest memory of an address space has no base: null is none.
        guard let memory = UnsafeMutableRawPointer(bitPattern: base) else { return ByteBuffer(bytes: bytes) }
        if self.base != base {
            whole = ByteBuffer(
                takingOwnershipOf: UnsafeMutableRawBufferPointer(start: memory, count: Int(2 * BorrowedBytes.span)),
                allocator: BorrowedBytes.nobodysAllocator, readerIndex: 0, writerIndex: 0)
            self.base = base
        }
        var view = whole
        let offset = Int(address - base)
        view.moveWriterIndex(to: offset + bytes.count)
        view.moveReaderIndex(to: offset)
        return view
    }
}
