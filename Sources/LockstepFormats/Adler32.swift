/// The checksum of zlib.
enum Adler32 {
    private static let modulus: UInt32 = 65521
    /// So many bytes fit into 32-bit sums before they must be reduced.
    private static let chunk = 5552

    static func checksum(of bytes: UnsafeRawBufferPointer) -> UInt32 {
        var (low, high): (UInt32, UInt32) = (1, 0)
        var start = 0
        while start < bytes.count {
            let end = min(start + chunk, bytes.count)
            for index in start..<end {
                low &+= UInt32(bytes[index])
                high &+= low
            }
            low %= modulus
            high %= modulus
            start = end
        }
        return high << 16 | low
    }
}
