/// Reads deflate's bits, lowest first, through a 64-bit buffer.
struct InflateInput {
    private let bytes: UnsafeRawBufferPointer
    /// The next byte that has not entered the buffer.
    private var position: Int
    private(set) var bits: UInt64 = 0
    private(set) var bitCount = 0

    init(_ bytes: UnsafeRawBufferPointer, position: Int) {
        self.bytes = bytes
        self.position = position
    }

    /// The first byte of which no bit has been taken.
    var offset: Int { position - bitCount / 8 }

    /// Fills the buffer to at least 56 bits, or with all that is left.
    @inline(__always)
    mutating func refill() {
        if bytes.count - position >= 8 {
            let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self))
            bits |= word << UInt64(bitCount)
            let taken = (63 - bitCount) >> 3
            position += taken
            bitCount += taken * 8
            // Bits above bitCount may already hold the start of the next byte; refilling ORs the same bits again.
        } else {
            refillSlowly()
        }
    }

    @inline(never)
    private mutating func refillSlowly() {
        bits &= (1 << UInt64(bitCount)) - 1
        while bitCount < 56, position < bytes.count {
            bits |= UInt64(bytes[position]) << UInt64(bitCount)
            position += 1
            bitCount += 8
        }
    }

    /// Drops `count` bits (0 … 48) of the buffer; false where the input ends before.
    @inline(__always)
    mutating func drop(_ count: Int) -> Bool {
        bits >>= UInt64(count)
        bitCount -= count
        return bitCount >= 0
    }

    /// The next `count` bits (0 … 32); nil where the input ends before.
    @inline(__always)
    mutating func take(_ count: Int) -> Int? {
        if bitCount < count {
            refill()
            if bitCount < count { return nil }
        }
        let value = bits & ((1 << UInt64(count)) - 1)
        bits >>= UInt64(count)
        bitCount -= count
        return Int(value)
    }

    /// Goes to the next whole byte and takes `count` bytes; nil where the input ends before.
    mutating func takeBytes(_ count: Int) -> UnsafeRawBufferPointer? {
        let start = offset
        guard count <= bytes.count - start else { return nil }
        seek(to: start + count)
        return UnsafeRawBufferPointer(rebasing: bytes[start..<start + count])
    }

    private mutating func seek(to offset: Int) {
        position = offset
        bits = 0
        bitCount = 0
    }
}
