/// Makes the checksums of damaged files right again. Its checksums are not those of the readers.
package enum ChecksumRepair {
    /// A PNG file: the CRC of every chunk, and the Adler-32 of image data that is one chunk of stored blocks.
    package static func png(_ file: [UInt8]) -> [UInt8] {
        var bytes = file
        var position = 8
        while position + 12 <= bytes.count {
            let length = bytes[position..<position + 4].reduce(0) { $0 << 8 | Int($1) }
            guard length <= bytes.count - position - 12 else { break }
            let data = position + 8..<position + 8 + length
            if bytes[position + 4..<data.lowerBound].elementsEqual("IDAT".utf8), length > 6,
                let stored = storedContents(Array(bytes[data.dropFirst(2)])), stored.end + 6 == length
            {
                put(adler32(stored.contents), at: data.upperBound - 4, isBigEndian: true, in: &bytes)
            }
            put(crc32(bytes[position + 4..<data.upperBound]), at: data.upperBound, isBigEndian: true, in: &bytes)
            position = data.upperBound + 4
        }
        return bytes
    }

    /// A gzip file whose header has no optional fields and whose data are stored blocks: its CRC-32 and its size.
    package static func gzip(_ file: [UInt8]) -> [UInt8] {
        var bytes = file
        guard bytes.count >= 18, bytes[3] == 0, let stored = storedContents(Array(bytes[10...])) else { return file }
        let end = 10 + stored.end
        guard end + 8 <= bytes.count else { return file }
        put(crc32(stored.contents[...]), at: end, isBigEndian: false, in: &bytes)
        put(UInt32(stored.contents.count), at: end + 4, isBigEndian: false, in: &bytes)
        return bytes
    }

    /// A zlib stream of stored blocks: its Adler-32.
    package static func zlib(_ file: [UInt8]) -> [UInt8] {
        var bytes = file
        guard bytes.count > 6, let stored = storedContents(Array(bytes[2...])), stored.end + 6 <= bytes.count else {
            return file
        }
        put(adler32(stored.contents), at: stored.end + 2, isBigEndian: true, in: &bytes)
        return bytes
    }

    /// What stored deflate blocks hold, and where they end; nil where there are others.
    private static func storedContents(_ bytes: [UInt8]) -> (contents: [UInt8], end: Int)? {
        var contents: [UInt8] = []
        var position = 0
        while position + 5 <= bytes.count {
            let header = bytes[position]
            guard header <= 1 else { return nil }
            let length = Int(bytes[position + 1]) | Int(bytes[position + 2]) << 8
            guard position + 5 + length <= bytes.count else { return nil }
            contents += bytes[position + 5..<position + 5 + length]
            position += 5 + length
            if header == 1 { return (contents, position) }
        }
        return nil
    }

    private static func put(_ value: UInt32, at offset: Int, isBigEndian: Bool, in bytes: inout [UInt8]) {
        for index in 0..<4 {
            let shift = UInt32(isBigEndian ? 24 - 8 * index : 8 * index)
            bytes[offset + index] = UInt8(truncatingIfNeeded: value >> shift)
        }
    }

    private static func crc32(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        var crc = ~UInt32(0)
        for byte in bytes {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? 0xEDB8_8320 ^ (crc >> 1) : crc >> 1 }
        }
        return ~crc
    }

    private static func adler32(_ bytes: [UInt8]) -> UInt32 {
        var (low, high): (UInt32, UInt32) = (1, 0)
        for byte in bytes {
            low = (low + UInt32(byte)) % 65521
            high = (high + low) % 65521
        }
        return high << 16 | low
    }
}
