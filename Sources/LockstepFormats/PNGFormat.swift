/// PNG images: every colour type, bit depth and interlacing is read; a plain form is written.
package enum PNGFormat {
    /// More pixels than any image here has.
    package static let maximumPixels = 1 << 26

    /// Whether `bytes` begin like a PNG file.
    package static func isPNG(_ bytes: [UInt8]) -> Bool { bytes.starts(with: PNGChunks.signature) }

    /// Reads an image. All checksums are checked; what follows the end chunk is ignored.
    ///
    /// Small samples are scaled to 0 … 255, of 16-bit samples the upper byte is taken, palettes become red, green and
    /// blue, and a transparent colour or palette becomes an alpha channel. Colour profiles and gamma are not applied.
    /// Memory is taken only for sizes that the compressed data can fill.
    ///
    /// - Parameter maximumPixels: an image with more is an error.
    package static func decode(_ file: [UInt8], maximumPixels: Int = maximumPixels) throws(FormatError) -> PNGImage {
        let chunks = try PNGChunks(reading: file, maximumPixels: maximumPixels)
        let header = chunks.header
        let start = chunks.offset(ofCompressed: 0)
        guard header.imageBytes <= Inflate.expansion(of: chunks.compressed.count) else {
            throw FormatError(
                offset: start, "the data of the PNG file cannot fill its \(header.width)×\(header.height) pixels")
        }
        var data: [UInt8]
        do {
            data = try Inflate.unzlib(chunks.compressed, maximumBytes: header.imageBytes)
        } catch {
            throw FormatError(offset: chunks.offset(ofCompressed: error.offset), "PNG: \(error.message)")
        }
        guard data.count == header.imageBytes else {
            throw FormatError(
                offset: start, "the data of the PNG file do not fill its \(header.width)×\(header.height) pixels")
        }
        let rows = PNGRows(chunks)
        var flaw: PNGRows.Flaw?
        let count = header.height * header.width * rows.channels
        let pixels = [UInt8](unsafeUninitializedCapacity: count) { pixels, written in
            flaw = data.withUnsafeMutableBufferPointer { rows.decode($0, into: pixels) }
            written = flaw == nil ? count : 0
        }
        switch flaw {
        case nil: return PNGImage(height: header.height, width: header.width, channels: rows.channels, pixels: pixels)
        case .unknownFilter: throw FormatError(offset: start, "a row of the PNG image has an unknown filter")
        case .outsidePalette: throw FormatError(offset: start, "the PNG image has a colour outside its palette")
        }
    }

    /// A file with the image, not compressed.
    package static func encode(_ image: PNGImage) -> [UInt8] {
        let colors: [PNGHeader.Color] = [.grey, .greyAlpha, .trueColor, .trueColorAlpha]
        var file = PNGChunks.signature
        let extents = bigEndian(UInt32(image.width)) + bigEndian(UInt32(image.height))
        append("IHDR", extents + [8, colors[image.channels - 1].rawValue, 0, 0, 0], to: &file)
        append("IDAT", zlib(rows(image)), to: &file)
        append("IEND", [], to: &file)
        return file
    }

    private static func rows(_ image: PNGImage) -> [UInt8] {
        let length = image.width * image.channels
        var rows: [UInt8] = []
        rows.reserveCapacity(image.height * (length + 1))
        for row in 0..<image.height {
            rows.append(0)
            rows.append(contentsOf: image.pixels[row * length..<(row + 1) * length])
        }
        return rows
    }

    /// The bytes in stored blocks.
    private static func zlib(_ bytes: [UInt8]) -> [UInt8] {
        var stream: [UInt8] = [0x78, 0x01]
        var start = 0
        repeat {
            let count = min(bytes.count - start, 0xFFFF)
            let length = UInt16(count)
            stream.append(start + count == bytes.count ? 1 : 0)
            for word in [length, ~length] {
                stream.append(UInt8(truncatingIfNeeded: word))
                stream.append(UInt8(truncatingIfNeeded: word >> 8))
            }
            stream.append(contentsOf: bytes[start..<start + count])
            start += count
        } while start < bytes.count
        return stream + bytes.withUnsafeBytes { bigEndian(Adler32.checksum(of: $0)) }
    }

    private static func append(_ name: String, _ data: [UInt8], to file: inout [UInt8]) {
        let contents = Array(name.utf8) + data
        file += bigEndian(UInt32(data.count))
        file += contents
        file += bigEndian(CRC32.checksum(of: contents))
    }

    private static func bigEndian(_ value: UInt32) -> [UInt8] { withUnsafeBytes(of: value.bigEndian, Array.init) }
}
