/// The IDX format of MNIST and its relatives: big-endian extents, then bytes.
package enum IDXFormat {
    /// Grey images, all of one size.
    package struct Images: Sendable {
        package let count: Int
        package let height: Int
        package let width: Int
        /// Image after image, row by row; `count` · `height` · `width` bytes.
        package let pixels: ArraySlice<UInt8>
    }

    /// More pixels than any image here has.
    private static let maximumPixels = 1 << 24

    /// Reads a file of images (magic number 0x803), plain or compressed with gzip.
    ///
    /// - Parameter maximumBytes: a file that decompresses to more is an error.
    package static func images(_ file: [UInt8], maximumBytes: Int = 1 << 33) throws(FormatError) -> Images {
        let bytes = try decompressed(file, maximumBytes)
        try check(magic: 0x803, of: bytes, "images", other: (0x801, "labels"))
        let extents = try extents(3, of: bytes)
        let (pixels, overflow) = extents[1].multipliedReportingOverflow(by: extents[2])
        guard !overflow, pixels <= maximumPixels else {
            throw FormatError(offset: 8, "its images of \(extents[1])×\(extents[2]) pixels are too large")
        }
        guard pixels > 0 || extents[0] == 0 else { throw FormatError(offset: 8, "its images have no pixels") }
        let (total, tooMany) = extents[0].multipliedReportingOverflow(by: pixels)
        try check(expected: tooMany ? Int.max : total, of: bytes, header: 16, "\(extents[0]) images")
        return Images(count: extents[0], height: extents[1], width: extents[2], pixels: bytes[16...])
    }

    /// Reads a file of labels (magic number 0x801), plain or compressed with gzip.
    package static func labels(_ file: [UInt8], maximumBytes: Int = 1 << 33) throws(FormatError) -> ArraySlice<UInt8> {
        let bytes = try decompressed(file, maximumBytes)
        try check(magic: 0x801, of: bytes, "labels", other: (0x803, "images"))
        let count = try extents(1, of: bytes)[0]
        try check(expected: count, of: bytes, header: 8, "\(count) labels")
        return bytes[8...]
    }

    private static func decompressed(_ file: [UInt8], _ maximumBytes: Int) throws(FormatError) -> [UInt8] {
        Inflate.isGzip(file) ? try Inflate.gunzip(file, maximumBytes: maximumBytes) : file
    }

    private static func bigEndian32(_ bytes: [UInt8], at offset: Int) throws(FormatError) -> UInt32 {
        guard offset + 4 <= bytes.count else { throw FormatError(offset: bytes.count, "it ends inside its header") }
        return bytes[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }

    private static func check(
        magic expected: UInt32, of bytes: [UInt8], _ kind: String, other: (magic: UInt32, kind: String)
    ) throws(FormatError) {
        let magic = try bigEndian32(bytes, at: 0)
        guard magic != expected else { return }
        if magic == other.magic {
            throw FormatError(offset: 0, "it holds IDX \(other.kind) where \(kind) are expected")
        }
        let shown = String(magic, radix: 16)
        throw FormatError(
            offset: 0, "it is no IDX file of \(kind): it begins with 0x\(shown), not 0x\(String(expected, radix: 16))")
    }

    private static func extents(_ rank: Int, of bytes: [UInt8]) throws(FormatError) -> [Int] {
        var extents: [Int] = []
        for index in 0..<rank { extents.append(Int(try bigEndian32(bytes, at: 4 + 4 * index))) }
        return extents
    }

    private static func check(
        expected: Int, of bytes: [UInt8], header: Int, _ contents: String
    ) throws(FormatError) {
        let actual = bytes.count - header
        guard actual >= expected else {
            throw FormatError(offset: bytes.count, "it is cut short: its header announces \(contents), it ends before")
        }
        guard actual == expected else {
            throw FormatError(offset: header + expected, "bytes follow the \(contents) that its header announces")
        }
    }
}
