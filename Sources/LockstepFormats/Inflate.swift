/// Decompresses raw deflate (RFC 1951) and gzip (RFC 1952), never beyond a given size.
package enum Inflate {
    /// Deflate can make at most this many bytes of one.
    private static let maximumRatio = 1032

    /// Whether `bytes` begin like a gzip file.
    package static func isGzip(_ bytes: [UInt8]) -> Bool {
        bytes.count >= 2 && bytes[0] == 0x1F && bytes[1] == 0x8B
    }

    /// Decompresses a gzip file of one or more members; checks every CRC-32 and size. Zero bytes may follow the last.
    ///
    /// - Parameter maximumBytes: what decompresses to more is an error.
    package static func gunzip(_ bytes: [UInt8], maximumBytes: Int) throws(FormatError) -> [UInt8] {
        try withBuffer(of: bytes) { (input) throws(FormatError) in
            // The last member's size says how much to expect where there is one member, as nearly always.
            let declared = input.count < 18 ? 0 : Int(littleEndian32(input, at: input.count - 4))
            var output = InflateOutput(
                maximumBytes: max(0, maximumBytes), expectedBytes: min(declared, expansion(of: input.count)))
            var position = 0
            repeat {
                let start = try GzipHeader.end(of: input, from: position)
                let first = output.count
                position = try decompress(input, from: start, into: &output)
                guard input.count - position >= 8 else {
                    throw FormatError(offset: input.count, "the gzip file ends before its checksum")
                }
                var checksum = CRC32()
                checksum.update(output.written(since: first))
                guard littleEndian32(input, at: position) == checksum.value else {
                    throw FormatError(offset: position, "the gzip checksum does not match the contents")
                }
                guard littleEndian32(input, at: position + 4) == UInt32(truncatingIfNeeded: output.count - first) else {
                    throw FormatError(offset: position + 4, "the gzip size does not match the contents")
                }
                position += 8
                if input[position...].allSatisfy({ $0 == 0 }) { position = input.count }
            } while position < input.count
            return output.bytes
        }
    }

    /// Decompresses one raw deflate stream, which must fill `bytes`.
    package static func inflate(_ bytes: [UInt8], maximumBytes: Int) throws(FormatError) -> [UInt8] {
        try withBuffer(of: bytes) { (input) throws(FormatError) in
            var output = InflateOutput(maximumBytes: max(0, maximumBytes), expectedBytes: 0)
            let end = try decompress(input, from: 0, into: &output)
            guard end == input.count else { throw FormatError(offset: end, "bytes follow the compressed data") }
            return output.bytes
        }
    }

    /// Decompresses one zlib stream (RFC 1950), which must fill `bytes`, and checks its Adler-32.
    package static func unzlib(_ bytes: [UInt8], maximumBytes: Int) throws(FormatError) -> [UInt8] {
        try withBuffer(of: bytes) { (input) throws(FormatError) in
            guard input.count >= 2 else {
                throw FormatError(offset: input.count, "the compressed data ends inside its header")
            }
            let header = Int(input[0]) << 8 | Int(input[1])
            guard header % 31 == 0, header >> 8 & 15 == 8, header >> 12 <= 7, header & 0x20 == 0 else {
                throw FormatError(offset: 0, "the compressed data does not begin as zlib's does")
            }
            var output = InflateOutput(maximumBytes: max(0, maximumBytes), expectedBytes: 0)
            let end = try decompress(input, from: 2, into: &output)
            guard input.count - end >= 4 else {
                throw FormatError(offset: input.count, "the compressed data ends before its checksum")
            }
            let stored = (0..<4).reduce(UInt32(0)) { $0 << 8 | UInt32(input[end + $1]) }
            guard stored == Adler32.checksum(of: output.written(since: 0)) else {
                throw FormatError(offset: end, "the checksum of the compressed data does not match")
            }
            guard end + 4 == input.count else {
                throw FormatError(offset: end + 4, "bytes follow the compressed data")
            }
            return output.bytes
        }
    }

    /// The most bytes that `count` compressed bytes can become.
    static func expansion(of count: Int) -> Int {
        let (bytes, overflow) = count.multipliedReportingOverflow(by: maximumRatio)
        return overflow ? Int.max : bytes
    }

    private static func littleEndian32(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> UInt32 {
        UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }

    /// Runs `body` on the bytes; the standard library's own function passes untyped errors only.
    private static func withBuffer(
        of bytes: [UInt8], _ body: (UnsafeRawBufferPointer) throws(FormatError) -> [UInt8]
    ) throws(FormatError) -> [UInt8] {
        let result = bytes.withUnsafeBytes { buffer in
            Result { () throws(FormatError) in try body(buffer) }
        }
        return try result.get()
    }

    /// - Returns: the offset of the first byte after the stream.
    private static func decompress(
        _ bytes: UnsafeRawBufferPointer, from start: Int, into output: inout InflateOutput
    ) throws(FormatError) -> Int {
        let window = output.count
        var input = InflateInput(bytes, position: start)
        var isLast = false
        while !isLast {
            guard let header = input.take(3) else { throw endsEarly(input) }
            isLast = header & 1 == 1
            switch header >> 1 {
            case 0: try copyStored(&input, into: &output)
            case 1: try decompressBlock(&input, DeflateCodes.fixed, since: window, into: &output)
            case 2: try decompressBlock(&input, DeflateCodes(reading: &input), since: window, into: &output)
            default: throw FormatError(offset: input.offset, "the compressed data has a block of unknown kind")
            }
        }
        return input.offset
    }

    static func endsEarly(_ input: InflateInput) -> FormatError {
        FormatError(offset: input.offset, "the compressed data ends early")
    }

    private static func tooLarge(_ input: InflateInput, _ output: borrowing InflateOutput) -> FormatError {
        FormatError(offset: input.offset, "the data decompresses to more than \(output.maximumBytes) bytes")
    }

    private static func copyStored(
        _ input: inout InflateInput, into output: inout InflateOutput
    ) throws(FormatError) {
        guard let header = input.takeBytes(4) else { throw endsEarly(input) }
        let word = littleEndian32(header, at: 0)
        guard word & 0xFFFF == ~word >> 16 else {
            throw FormatError(offset: input.offset - 4, "the length of a stored block is damaged")
        }
        let count = Int(word & 0xFFFF)
        guard let stored = input.takeBytes(count) else { throw endsEarly(input) }
        guard output.reserve(count) else { throw tooLarge(input, output) }
        output.append(stored)
    }

    /// - Parameter window: distances reach back to this byte of the output at most: the start of the member.
    private static func decompressBlock(
        _ input: inout InflateInput, _ codes: DeflateCodes, since window: Int, into output: inout InflateOutput
    ) throws(FormatError) {
        while true {
            // One refill suffices for the longest literal (15), its extra bits (5), distance (15) and extra bits (13).
            input.refill()
            guard let (symbol, length) = codes.literals.decode(input.bits), input.drop(length) else {
                throw flaw(input)
            }
            if symbol < 256 {
                guard output.reserve(1) else { throw tooLarge(input, output) }
                output.append(UInt8(truncatingIfNeeded: symbol))
                continue
            }
            if symbol == 256 { return }
            guard symbol - 257 < DeflateCodes.lengths.count else { throw flaw(input) }
            let run = DeflateCodes.lengths[symbol - 257]
            guard let extra = input.take(run.extraBits) else { throw endsEarly(input) }
            let count = run.base + extra

            guard let (code, codeLength) = codes.distances.decode(input.bits), input.drop(codeLength) else {
                throw flaw(input)
            }
            guard code < DeflateCodes.distances.count else { throw flaw(input) }
            let back = DeflateCodes.distances[code]
            guard let extraDistance = input.take(back.extraBits) else { throw endsEarly(input) }
            let distance = back.base + extraDistance
            guard distance <= output.count - window else {
                throw FormatError(offset: input.offset, "the compressed data refers to bytes before its start")
            }
            guard output.reserve(count) else { throw tooLarge(input, output) }
            output.repeatBytes(distance: distance, length: count)
        }
    }

    private static func flaw(_ input: InflateInput) -> FormatError {
        input.bitCount < 15
            ? endsEarly(input) : FormatError(offset: input.offset, "the compressed data has an unknown code")
    }
}
