/// The chunks of a PNG file that matter for its pixels, in their order and with sound checksums.
struct PNGChunks {
    let header: PNGHeader
    /// Red, green and blue of each palette entry.
    private(set) var palette: ArraySlice<UInt8> = []
    /// The contents of the tRNS chunk.
    private(set) var transparency: ArraySlice<UInt8> = []
    /// The contents of all IDAT chunks, joined.
    private(set) var compressed: [UInt8] = []
    /// Where the parts of `compressed` begin there and in the file.
    private var parts: [(start: Int, offset: Int)] = []

    static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

    private struct Chunk {
        let name: String
        let offset: Int
        let data: ArraySlice<UInt8>
        let end: Int

        /// A decoder that does not know such a chunk must not go on.
        var isCritical: Bool { name.utf8.first.map { $0 & 0x20 == 0 } ?? true }

        init(reading file: [UInt8], at start: Int) throws(FormatError) {
            guard file.count - start >= 12 else { throw FormatError(offset: file.count, "the PNG file is cut short") }
            let length = file[start..<start + 4].reduce(0) { $0 << 8 | Int($1) }
            guard length < 1 << 31, length <= file.count - start - 12 else {
                throw FormatError(offset: start, "a chunk of the PNG file ends beyond the file, which is cut short")
            }
            let kind = file[start + 4..<start + 8]
            guard kind.allSatisfy({ (65...90).contains($0) || (97...122).contains($0) }) else {
                throw FormatError(offset: start + 4, "a chunk of the PNG file has an impossible name")
            }
            name = String(decoding: kind, as: UTF8.self)
            offset = start + 8
            data = file[offset..<offset + length]
            end = offset + length + 4
            let stored = file[end - 4..<end].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            var checksum = CRC32()
            file[start + 4..<offset + length].withUnsafeBytes { checksum.update($0) }
            guard stored == checksum.value else {
                throw FormatError(offset: end - 4, "the checksum of the \(name) chunk of the PNG file does not match")
            }
        }
    }

    init(reading file: [UInt8], maximumPixels: Int) throws(FormatError) {
        guard file.starts(with: PNGChunks.signature) else {
            throw FormatError(offset: 0, "this is no PNG file")
        }
        let first = try Chunk(reading: file, at: PNGChunks.signature.count)
        guard first.name == "IHDR" else { throw FormatError(offset: 12, "the PNG file does not begin with its header") }
        header = try PNGHeader(first.data, at: first.offset, maximumPixels: maximumPixels)
        var previous = first.name
        var position = first.end
        while previous != "IEND" {
            let chunk = try Chunk(reading: file, at: position)
            try take(chunk, after: previous)
            previous = chunk.name
            position = chunk.end
        }
        guard !parts.isEmpty else { throw FormatError(offset: position, "the PNG file has no image data") }
    }

    private mutating func take(_ chunk: Chunk, after previous: String) throws(FormatError) {
        func misplaced() -> FormatError {
            FormatError(offset: chunk.offset - 8, "the \(chunk.name) chunk of the PNG file stands at the wrong place")
        }
        switch chunk.name {
        case "PLTE":
            guard palette.isEmpty, transparency.isEmpty, parts.isEmpty else { throw misplaced() }
            let isAllowed = header.color != .grey && header.color != .greyAlpha
            let maximum = 3 << (header.color == .palette ? header.bitDepth : 8)
            guard isAllowed, !chunk.data.isEmpty, chunk.data.count % 3 == 0, chunk.data.count <= maximum else {
                throw FormatError(offset: chunk.offset, "the palette of the PNG file does not fit its header")
            }
            palette = chunk.data
        case "tRNS":
            guard transparency.isEmpty, parts.isEmpty else { throw misplaced() }
            let isSound =
                switch header.color {
                case .grey: chunk.data.count == 2
                case .trueColor: chunk.data.count == 6
                case .palette: (1...max(1, palette.count / 3)).contains(chunk.data.count) && !palette.isEmpty
                case .greyAlpha, .trueColorAlpha: false
                }
            guard isSound else {
                throw FormatError(offset: chunk.offset, "the transparency of the PNG file does not fit its header")
            }
            transparency = chunk.data
        case "IDAT":
            guard parts.isEmpty || previous == "IDAT" else { throw misplaced() }
            guard header.color != .palette || !palette.isEmpty else {
                throw FormatError(offset: chunk.offset - 8, "the PNG file has no palette")
            }
            parts.append((compressed.count, chunk.offset))
            compressed.append(contentsOf: chunk.data)
        case "IEND":
            guard chunk.data.isEmpty else {
                throw FormatError(offset: chunk.offset, "the end of the PNG file has data")
            }
        default:
            guard chunk.name != "IHDR" else { throw misplaced() }
            guard !chunk.isCritical else {
                throw FormatError(offset: chunk.offset - 4, "the PNG file has the unknown chunk \(chunk.name)")
            }
        }
    }

    /// Where a byte of `compressed` stands in the file.
    func offset(ofCompressed position: Int) -> Int {
        let part = parts.last { $0.start <= position } ?? (0, 0)
        return part.offset + position - part.start
    }
}
