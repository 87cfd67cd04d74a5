import LockstepFormats
import LockstepTestSupport
import Testing

/// The files of the corpus were written by a program of its own and are read alike by Pillow. Their samples follow from a
/// formula, and their rows use each filter in turn.
@Suite struct PNGFormatTests {
    private func files() throws -> [(name: String, bytes: [UInt8])] { try Fuzzer.files(of: "png") }

    private func file(_ name: String) throws -> [UInt8] {
        try #require(try files().first { $0.name == name }?.bytes)
    }

    /// What the samples of the corpus are; `limit`: colours of the palette.
    private func sample(_ x: Int, _ y: Int, _ channel: Int, depth: Int, limit: Int? = nil) -> Int {
        let value = (x * 37 + y * 101 + channel * 59 + x * y * 7) * 1237
        return limit.map { value % $0 } ?? (value >> 3) % (1 << depth)
    }

    /// A sample as a byte.
    private func byte(_ sample: Int, depth: Int) -> UInt8 {
        depth == 16 ? UInt8(sample >> 8) : UInt8(sample * 255 / (1 << depth - 1))
    }

    private func expected(color: Int, depth: Int, width: Int = 13, height: Int = 11) -> [UInt8] {
        let channels = [0: 1, 2: 3, 3: 3, 4: 2, 6: 4][color] ?? 0
        return (0..<height).flatMap { y in
            (0..<width).flatMap { x in
                (0..<channels).map { channel in
                    guard color == 3 else { return byte(sample(x, y, channel, depth: depth), depth: depth) }
                    let index = sample(x, y, 0, depth: depth, limit: min(1 << depth, 200))
                    return UInt8((index * 83 + channel * 31) % 256)
                }
            }
        }
    }

    @Test func readsEveryColourTypeDepthAndInterlacing() throws {
        var seen = 0
        for (name, bytes) in try files() where name.hasPrefix("color") {
            let numbers = name.split { !$0.isNumber }.compactMap { Int($0) }
            let image = try PNGFormat.decode(bytes)
            #expect([image.height, image.width] == [11, 13])
            #expect(image.pixels == expected(color: numbers[0], depth: numbers[1]), "\(name)")
            seen += 1
        }
        #expect(seen == 30)
        #expect(try PNGFormat.decode(try file("stored-true-color.png")).pixels == expected(color: 2, depth: 8))
        #expect(try PNGFormat.decode(try file("stored-interlaced.png")).pixels == expected(color: 0, depth: 2))
        #expect(try PNGFormat.decode(try file("many-parts.png")).pixels == expected(color: 6, depth: 8))
        #expect(try PNGFormat.decode(try file("one-pixel.png")).pixels == [0])
    }

    @Test func transparentColoursBecomeAlpha() throws {
        let grey = try PNGFormat.decode(try file("transparent-grey.png"))
        let key = sample(2, 3, 0, depth: 4)
        #expect(grey.channels == 2)
        for (place, pixel) in stride(from: 0, to: grey.pixels.count, by: 2).enumerated() {
            let isKey = sample(place % 13, place / 13, 0, depth: 4) == key
            let alpha = isKey ? 0 : 255
            #expect(grey.pixels[pixel + 1] == alpha)
        }
        // Colours that differ from the key in their lower bytes only stay opaque.
        let color = try PNGFormat.decode(try file("transparent-true-color.png"))
        let alphas = stride(from: 3, to: color.pixels.count, by: 4).map { color.pixels[$0] }
        #expect(color.channels == 4 && alphas.filter { $0 == 0 }.count == 1)
        #expect(alphas.firstIndex(of: 0) == 41, "column 2 of row 3")
        let palette = try PNGFormat.decode(try file("transparent-palette.png"))
        for place in 0..<13 * 11 {
            let index = sample(place % 13, place / 13, 0, depth: 4, limit: 16)
            let alpha = index < 3 ? index * 64 : 255
            #expect(palette.pixels[place * 4 + 3] == alpha)
        }
    }

    @Test(arguments: 1...4)
    func whatIsWrittenReadsBack(channels: Int) throws {
        var random = SeededGenerator(seed: UInt64(channels))
        for (height, width) in [(1, 1), (3, 5), (150, 200)] {
            let pixels = random.bytes(height * width * channels)
            let image = PNGImage(height: height, width: width, channels: channels, pixels: pixels)
            #expect(try PNGFormat.decode(PNGFormat.encode(image)) == image)
        }
    }

    @Test func convertsBetweenGreyAndColour() {
        let color = PNGImage(height: 1, width: 2, channels: 4, pixels: [255, 0, 10, 7, 1, 2, 3, 0])
        #expect(color.converted(toChannels: 1).pixels == [77, 2])
        #expect(color.converted(toChannels: 3).pixels == [255, 0, 10, 1, 2, 3])
        let grey = PNGImage(height: 1, width: 2, channels: 2, pixels: [9, 255, 8, 0])
        #expect(grey.converted(toChannels: 1).pixels == [9, 8])
        #expect(grey.converted(toChannels: 3).pixels == [9, 9, 9, 8, 8, 8])
    }

    @Test func everyTruncationAndChangedByteIsFound() throws {
        for name in ["color3-depth04-interlaced.png", "stored-interlaced.png", "many-parts.png"] {
            let file = try file(name)
            for count in file.indices {
                #expect(throws: FormatError.self) { try PNGFormat.decode(Array(file.prefix(count))) }
            }
            for index in file.indices {
                var damaged = file
                damaged[index] ^= 0x10
                #expect(throws: FormatError.self, "byte \(index) of \(name)") { try PNGFormat.decode(damaged) }
            }
        }
    }

    /// With checksums that are right: only what the chunks say is wrong.
    private func forged(_ name: String, _ change: (inout [UInt8]) -> Void) throws -> [UInt8] {
        var bytes = try file(name)
        change(&bytes)
        return ChecksumRepair.png(bytes)
    }

    @Test func sizesAreCheckedBeforeMemoryIsTaken() throws {
        let huge = try forged("color0-depth01-plain.png") {
            $0.replaceSubrange(16..<24, with: [0x7F, 255, 255, 255, 0x7F, 255, 255, 255])
        }
        #expect(throws: FormatError.self) { try PNGFormat.decode(huge) }
        // 8192×8192 is within the limit on pixels, but 60 compressed bytes cannot be that.
        let bomb = try forged("color6-depth16-plain.png") {
            $0.replaceSubrange(16..<24, with: [0, 0, 32, 0, 0, 0, 32, 0])
        }
        #expect(throws: FormatError(offset: 41, "the data of the PNG file cannot fill its 8192×8192 pixels")) {
            try PNGFormat.decode(bomb)
        }
        let high = try forged("color0-depth08-plain.png") { $0[23] = 12 }
        #expect(throws: FormatError(offset: 41, "the data of the PNG file do not fill its 13×12 pixels")) {
            try PNGFormat.decode(high)
        }
        let low = try forged("color0-depth08-plain.png") { $0[23] = 10 }
        #expect(throws: FormatError.self) { try PNGFormat.decode(low) }
        let empty = try forged("color0-depth08-plain.png") { $0[19] = 0 }
        #expect(throws: FormatError.self) { try PNGFormat.decode(empty) }
        let small = try file("color0-depth08-plain.png")
        #expect(throws: FormatError.self) { try PNGFormat.decode(small, maximumPixels: 142) }
        #expect(try PNGFormat.decode(small, maximumPixels: 143).width == 13)
    }

    @Test func misplacedAndUnknownChunksAreRefused() throws {
        let plain = try file("color3-depth08-plain.png")
        let (header, end) = (Array(plain[8..<33]), Array(plain.suffix(12)))
        let paletteLength = Int(plain[35]) << 8 | Int(plain[36])
        let palette = Array(plain[33..<45 + paletteLength])
        let data = Array(plain[45 + paletteLength..<plain.count - 12])
        let signature = Array(plain.prefix(8))
        func chunk(_ name: String, _ contents: [UInt8]) -> [UInt8] {
            let bytes = signature + [0, 0, 0, UInt8(contents.count)] + Array(name.utf8) + contents + [0, 0, 0, 0]
            return Array(ChecksumRepair.png(bytes).dropFirst(8))
        }
        func decodes(_ chunks: [[UInt8]]) -> Bool { (try? PNGFormat.decode(signature + chunks.joined())) != nil }
        #expect(decodes([header, palette, data, end]))
        #expect(decodes([header, chunk("tEXt", [1, 2]), palette, chunk("tRNS", [1]), data, end, [1, 2, 3]]))
        #expect(!decodes([palette, header, data, end]))
        #expect(!decodes([header, data, end]))
        #expect(!decodes([header, palette, end]))
        #expect(!decodes([header, palette, palette, data, end]))
        #expect(!decodes([header, palette, data, chunk("tRNS", [1]), end]))
        #expect(!decodes([header, chunk("tRNS", [1]), palette, data, end]))
        #expect(!decodes([header, palette, data, chunk("tEXt", []), chunk("IDAT", []), end]))
        #expect(!decodes([header, palette, data]))
        #expect(!decodes([header, header, palette, data, end]))
        #expect(!decodes([header, palette, chunk("ABCD", []), data, end]))
        #expect(!decodes([header, palette, chunk("ab1d", []), data, end]))
        #expect(!decodes([header, chunk("PLTE", [1, 2, 3]), data, end]), "colours outside the palette")
        #expect(!decodes([header, chunk("PLTE", [1, 2, 3, 4]), data, end]))
    }
}
