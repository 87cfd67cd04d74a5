/// Text as bytes: UTF-8 without zero bytes.
package enum PlainText {
    /// Whether the bytes are such text.
    package static func isText(_ bytes: [UInt8]) -> Bool { flaw(in: bytes) == nil }

    /// Checks that the bytes are such text.
    package static func check(_ bytes: [UInt8]) throws(FormatError) {
        if let flaw = flaw(in: bytes) { throw flaw }
    }

    /// The lines, each without its LF or CRLF; what follows the last one is a line too, unless nothing does.
    package static func lines(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
        var lines: [ArraySlice<UInt8>] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let end = rest.firstIndex(of: UInt8(ascii: "\n"))
            let line = rest[..<(end ?? rest.endIndex)]
            lines.append(end != nil && line.last == UInt8(ascii: "\r") ? line.dropLast() : line)
            rest = end.map { rest[($0 + 1)...] } ?? []
        }
        return lines
    }

    private static func flaw(in bytes: [UInt8]) -> FormatError? {
        if let zero = bytes.firstIndex(of: 0) { return FormatError(offset: zero, "a zero byte, which no text has") }
        var position = 0
        while position < bytes.count {
            guard let length = sequenceLength(bytes, at: position) else {
                return FormatError(offset: position, "bytes that are not UTF-8")
            }
            position += length
        }
        return nil
    }

    /// How many bytes the character at `position` takes; nil where they are no UTF-8 (Unicode 16, table 3-7).
    private static func sequenceLength(_ bytes: [UInt8], at position: Int) -> Int? {
        let first = bytes[position]
        guard first >= 0x80 else { return 1 }
        let second: ClosedRange<UInt8>
        let length: Int
        switch first {
        case 0xC2...0xDF: (length, second) = (2, 0x80...0xBF)
        case 0xE0: (length, second) = (3, 0xA0...0xBF)
        case 0xED: (length, second) = (3, 0x80...0x9F)
        case 0xE1...0xEF: (length, second) = (3, 0x80...0xBF)
        case 0xF0: (length, second) = (4, 0x90...0xBF)
        case 0xF1...0xF3: (length, second) = (4, 0x80...0xBF)
        case 0xF4: (length, second) = (4, 0x80...0x8F)
        default: return nil
        }
        guard bytes.count - position >= length, second.contains(bytes[position + 1]) else { return nil }
        for index in position + 2..<position + max(2, length) where bytes[index] & 0xC0 != 0x80 { return nil }
        return length
    }
}
