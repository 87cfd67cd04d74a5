/// Reads the little of Python's syntax that stands in an npy header. Nothing in it nests.
struct PythonLiteral {
    private let bytes: ArraySlice<UInt8>
    private var position: Int

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        position = bytes.startIndex
    }

    private var next: UInt8? { position < bytes.endIndex ? bytes[position] : nil }

    private func flaw(_ message: String) -> FormatError {
        FormatError(offset: position, "the npy header \(message)")
    }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { position += 1 }
    }

    /// Whether the next byte behind spaces is `character`, which is then taken.
    private mutating func skip(_ character: Unicode.Scalar) -> Bool {
        skipSpace()
        guard next == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func expect(_ character: Unicode.Scalar) throws(FormatError) {
        guard skip(character) else { throw flaw("lacks “\(character)”") }
    }

    /// Reads a dictionary that ends the text; `member` is given each key and where it stands, and reads the value.
    mutating func dictionary(
        _ member: (String, Int, inout PythonLiteral) throws(FormatError) -> Void
    ) throws(FormatError) {
        try expect("{")
        while !skip("}") {
            skipSpace()
            let offset = position
            let key = try string()
            try expect(":")
            try member(key, offset, &self)
            guard !skip(",") else { continue }
            try expect("}")
            break
        }
        skipSpace()
        guard position == bytes.endIndex else { throw flaw("goes on behind its dictionary") }
    }

    /// A string without escapes.
    private mutating func string() throws(FormatError) -> String {
        skipSpace()
        guard let quote = next, quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"") else {
            throw flaw("lacks a string")
        }
        guard let end = bytes[(position + 1)...].firstIndex(of: quote) else { throw flaw("has an open string") }
        let contents = bytes[position + 1..<end]
        guard !contents.contains(UInt8(ascii: "\\")), let text = String(validating: contents, as: UTF8.self) else {
            throw flaw("has a string that is not plain text")
        }
        position = end + 1
        return text
    }

    /// A string; structured arrays have a list here.
    mutating func elementDescription() throws(FormatError) -> String {
        skipSpace()
        guard next != UInt8(ascii: "[") else { throw flaw("describes a structured array; save plain numbers") }
        return try string()
    }

    mutating func bool() throws(FormatError) -> Bool {
        skipSpace()
        for (word, value) in [("True", true), ("False", false)] where bytes[position...].starts(with: word.utf8) {
            position += word.utf8.count
            return value
        }
        throw flaw("lacks True or False")
    }

    /// A tuple of whole numbers, none negative: `()`, `(3,)`, `(3, 4)`.
    mutating func integers(maximumCount: Int) throws(FormatError) -> [Int] {
        try expect("(")
        var numbers: [Int] = []
        while !skip(")") {
            guard numbers.count < maximumCount else { throw flaw("has more than \(maximumCount) dimensions") }
            numbers.append(try integer())
            guard !skip(",") else { continue }
            guard numbers.count > 1 else { throw flaw("lacks “,”") }
            try expect(")")
            break
        }
        return numbers
    }

    private mutating func integer() throws(FormatError) -> Int {
        skipSpace()
        let start = position
        while let byte = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
        guard position > start else { throw flaw("lacks a whole number") }
        guard position - start <= 20, let number = Int(String(decoding: bytes[start..<position], as: UTF8.self)) else {
            position = start
            throw flaw("has a number that is too large")
        }
        // Python 2 wrote long numbers with this letter.
        if next == UInt8(ascii: "L") { position += 1 }
        return number
    }
}
