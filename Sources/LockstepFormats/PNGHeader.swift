/// What the IHDR chunk says.
struct PNGHeader {
    let width: Int
    let height: Int
    let bitDepth: Int
    let color: Color
    let isInterlaced: Bool

    enum Color: UInt8 {
        case grey = 0
        case trueColor = 2
        case palette = 3
        case greyAlpha = 4
        case trueColorAlpha = 6

        /// Samples of a pixel in the file.
        var samples: Int {
            switch self {
            case .grey, .palette: 1
            case .greyAlpha: 2
            case .trueColor: 3
            case .trueColorAlpha: 4
            }
        }

        var bitDepths: [Int] {
            switch self {
            case .grey: [1, 2, 4, 8, 16]
            case .palette: [1, 2, 4, 8]
            case .trueColor, .greyAlpha, .trueColorAlpha: [8, 16]
            }
        }
    }

    /// A grid of pixels that is stored as one image: all of them, or one of Adam7's seven.
    struct Pass {
        let firstX: Int
        let firstY: Int
        let stepX: Int
        let stepY: Int
        let width: Int
        let height: Int
    }

    /// - Parameters:
    ///   - data: the 13 bytes of the chunk.
    ///   - offset: where they stand in the file.
    init(_ data: ArraySlice<UInt8>, at offset: Int, maximumPixels: Int) throws(FormatError) {
        guard data.count == 13 else { throw FormatError(offset: offset, "the PNG header does not have 13 bytes") }
        let bytes = Array(data)
        let extents = [0, 4].map { start in bytes[start..<start + 4].reduce(0) { $0 << 8 | Int($1) } }
        (width, height) = (extents[0], extents[1])
        guard (1..<1 << 31).contains(width), (1..<1 << 31).contains(height) else {
            throw FormatError(offset: offset, "the PNG image has the impossible size \(width)×\(height)")
        }
        guard width * height <= maximumPixels else {
            throw FormatError(
                offset: offset,
                "the PNG image of \(width)×\(height) pixels is too large; at most \(maximumPixels) are taken")
        }
        bitDepth = Int(bytes[8])
        guard let color = Color(rawValue: bytes[9]), color.bitDepths.contains(bitDepth) else {
            throw FormatError(
                offset: offset + 8, "the PNG image has the unknown colour type \(bytes[9]) with \(bitDepth) bits")
        }
        self.color = color
        guard bytes[10] == 0, bytes[11] == 0, bytes[12] <= 1 else {
            throw FormatError(offset: offset + 10, "the PNG image uses an unknown compression, filter or interlacing")
        }
        isInterlaced = bytes[12] == 1
    }

    /// Bits of a pixel in the file.
    var pixelBits: Int { color.samples * bitDepth }

    /// Bytes of a row of so many pixels, without its filter byte.
    func rowBytes(_ pixels: Int) -> Int { (pixels * pixelBits + 7) / 8 }

    /// The grids in the order in which they are stored; those without pixels are left out.
    var passes: [Pass] {
        let grids =
            isInterlaced
            ? [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
            : [(0, 0, 1, 1)]
        return grids.compactMap { x, y, stepX, stepY in
            guard x < width, y < height else { return nil }
            return Pass(
                firstX: x, firstY: y, stepX: stepX, stepY: stepY,
                width: (width - x + stepX - 1) / stepX, height: (height - y + stepY - 1) / stepY)
        }
    }

    /// Bytes of the whole image, filter bytes included, before compression.
    var imageBytes: Int { passes.reduce(0) { $0 + $1.height * (1 + rowBytes($1.width)) } }
}
