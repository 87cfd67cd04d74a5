/// The CRC-32 of gzip, zlib and PNG (polynomial 0xEDB88320, reflected).
package struct CRC32: Sendable {
    private var state: UInt32 = ~0

    package init() {}

    /// The checksum of everything seen so far.
    package var value: UInt32 { ~state }

    package static func checksum(of bytes: [UInt8]) -> UInt32 {
        var checksum = CRC32()
        bytes.withUnsafeBytes { checksum.update($0) }
        return checksum.value
    }

    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        state = CRC32.tables.withUnsafeBufferPointer { tables in
            var crc = state
            var position = 0
            while bytes.count - position >= 8 {
                let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self))
                let mixed = word ^ UInt64(crc)
                crc = 0
                for byte in 0..<8 {
                    crc ^= tables[(7 - byte) * 256 + Int((mixed >> UInt64(8 * byte)) & 255)]
                }
                position += 8
            }
            while position < bytes.count {
                crc = tables[Int((crc ^ UInt32(bytes[position])) & 255)] ^ (crc >> 8)
                position += 1
            }
            return crc
        }
    }

    /// Eight tables of 256: table k advances a byte that k more bytes follow.
    private static let tables: [UInt32] = {
        var tables: [UInt32] = []
        for byte in 0..<256 as Range<UInt32> {
            var crc = byte
            for _ in 0..<8 { crc = crc & 1 == 1 ? 0xEDB8_8320 ^ (crc >> 1) : crc >> 1 }
            tables.append(crc)
        }
        for index in 256..<2048 {
            let previous = tables[index - 256]
            tables.append(tables[Int(previous & 255)] ^ (previous >> 8))
        }
        return tables
    }()
}
