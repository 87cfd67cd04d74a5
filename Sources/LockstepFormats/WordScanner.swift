/// The words of a text, in order: runs of ASCII letters, digits, apostrophes inside them, and of everything beyond ASCII.
/// ASCII letters become small. What else there is only separates words.
///
/// It works on bytes and knows no language, so that the same text has the same words wherever it is read.
package struct WordScanner: Sequence, IteratorProtocol {
    private var rest: ArraySlice<UInt8>

    package init(_ text: ArraySlice<UInt8>) { rest = text }

    package mutating func next() -> [UInt8]? {
        while let first = rest.first, !WordScanner.isLetter(first) { rest = rest.dropFirst() }
        guard !rest.isEmpty else { return nil }
        var end = rest.startIndex
        while end < rest.endIndex, WordScanner.isLetter(rest[end]) || isInnerApostrophe(end) { end += 1 }
        defer { rest = rest[end...] }
        return rest[..<end].map { WordScanner.capitals.contains($0) ? $0 | 0x20 : $0 }
    }

    private static let capitals = UInt8(ascii: "A")...UInt8(ascii: "Z")

    private static func isLetter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), capitals, UInt8(ascii: "0")...UInt8(ascii: "9"), 0x80...: true
        default: false
        }
    }

    /// As in “don't”; those of quotations stand at the edge of a word.
    private func isInnerApostrophe(_ index: Int) -> Bool {
        rest[index] == UInt8(ascii: "'") && index + 1 < rest.endIndex && WordScanner.isLetter(rest[index + 1])
    }
}
