/// The header of a gzip member (RFC 1952 §2.3).
enum GzipHeader {
    /// - Returns: the offset at which the compressed data of the member at `start` begins.
    static func end(of bytes: UnsafeRawBufferPointer, from start: Int) throws(FormatError) -> Int {
        func require(_ end: Int) throws(FormatError) {
            guard end <= bytes.count else {
                throw FormatError(offset: bytes.count, "the gzip file ends inside its header")
            }
        }
        func afterText(_ position: Int) throws(FormatError) -> Int {
            guard let zero = bytes[position...].firstIndex(of: 0) else {
                throw FormatError(offset: bytes.count, "the gzip file ends inside its header")
            }
            return zero + 1
        }

        try require(start + 2)
        guard bytes[start] == 0x1F, bytes[start + 1] == 0x8B else {
            let message = start == 0 ? "this is no gzip file" : "something that is not gzip follows the gzip data"
            throw FormatError(offset: start, message)
        }
        try require(start + 10)
        guard bytes[start + 2] == 8 else {
            throw FormatError(offset: start + 2, "the gzip file uses an unknown compression method")
        }
        let flags = bytes[start + 3]
        guard flags & 0xE0 == 0 else { throw FormatError(offset: start + 3, "the gzip header has unknown flags") }

        var position = start + 10
        if flags & 4 != 0 {
            try require(position + 2)
            position += 2 + Int(bytes[position]) + Int(bytes[position + 1]) << 8
            try require(position)
        }
        if flags & 8 != 0 { position = try afterText(position) }
        if flags & 16 != 0 { position = try afterText(position) }
        if flags & 2 != 0 {
            try require(position + 2)
            var checksum = CRC32()
            checksum.update(UnsafeRawBufferPointer(rebasing: bytes[start..<position]))
            let stored = UInt32(bytes[position]) | UInt32(bytes[position + 1]) << 8
            guard checksum.value & 0xFFFF == stored else {
                throw FormatError(offset: position, "the checksum of the gzip header does not match")
            }
            position += 2
        }
        return position
    }
}
