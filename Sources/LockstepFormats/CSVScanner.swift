/// Finds the fields of one line of a CSV file after the other.
struct CSVScanner {
    /// Where a field stands in the file.
    struct Span {
        /// The first byte, a quote where there is one.
        let start: Int
        /// The contents, between the quotes.
        let contents: Range<Int>
        let isQuoted: Bool
        /// Whether there are doubled quotes in the contents.
        let hasEscapes: Bool
    }

    private let file: [UInt8]
    private let options: CSVFormat.Options
    private var position: Int
    private var line = 1
    /// The line on which the latest row begins, counted from the first position.
    private(set) var rowLine = 1

    private static let quote = UInt8(ascii: "\"")
    private static let lineFeed = UInt8(ascii: "\n")
    private static let carriageReturn = UInt8(ascii: "\r")

    init(_ file: [UInt8], options: CSVFormat.Options, position: Int) {
        self.file = file
        self.options = options
        self.position = position
    }

    /// Reads the next line that is not empty.
    ///
    /// - Returns: where it begins; nil at the end of the file.
    mutating func next(into row: inout [Span]) throws(FormatError) -> Int? {
        row.removeAll(keepingCapacity: true)
        while try takeLineEnd() {}
        guard position < file.count else { return nil }
        let start = position
        rowLine = line
        while true {
            guard row.count < options.maximumColumns else {
                throw FormatError(offset: position, "line \(rowLine) has more than \(options.maximumColumns) fields")
            }
            row.append(try takeField())
            if position == file.count { return start }
            if file[position] == options.delimiter {
                position += 1
                continue
            }
            guard try takeLineEnd() else {
                throw FormatError(
                    offset: position, "something follows the closing quote of a field on line \(line)")
            }
            return start
        }
    }

    /// The contents of a field, unescaped.
    func field(_ span: Span) -> CSVField {
        let contents = file[span.contents]
        guard span.hasEscapes else {
            return CSVField(offset: span.start, bytes: contents, isQuoted: span.isQuoted)
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(contents.count)
        var isSecond = false
        for byte in contents {
            isSecond = byte == CSVScanner.quote && !isSecond
            if !isSecond || byte != CSVScanner.quote { bytes.append(byte) }
        }
        return CSVField(offset: span.start, bytes: bytes[...], isQuoted: span.isQuoted)
    }

    /// Whether a line ends here; takes its end.
    private mutating func takeLineEnd() throws(FormatError) -> Bool {
        guard position < file.count else { return false }
        if file[position] == CSVScanner.carriageReturn {
            guard position + 1 < file.count, file[position + 1] == CSVScanner.lineFeed else {
                throw FormatError(
                    offset: position, "line \(line) has a carriage return without a line feed; save it with LF or CRLF")
            }
            position += 1
        }
        guard file[position] == CSVScanner.lineFeed else { return false }
        position += 1
        line += 1
        return true
    }

    private mutating func takeField() throws(FormatError) -> Span {
        let start = position
        let isQuoted = position < file.count && file[position] == CSVScanner.quote
        let span = isQuoted ? try takeQuoted() : try takeBare()
        guard span.contents.count <= options.maximumFieldBytes else {
            throw FormatError(
                offset: start, "a field on line \(line) has more than \(options.maximumFieldBytes) bytes")
        }
        let bytes = file[span.contents]
        // Most fields are ASCII; only the others cost a check.
        if bytes.contains(where: { $0 >= 0x80 }), String(validating: bytes, as: UTF8.self) == nil {
            throw FormatError(offset: start, "a field on line \(line) is not UTF-8 text; save the file as UTF-8")
        }
        return span
    }

    private mutating func takeBare() throws(FormatError) -> Span {
        let start = position
        while position < file.count {
            let byte = file[position]
            if byte == options.delimiter || byte == CSVScanner.lineFeed || byte == CSVScanner.carriageReturn { break }
            guard byte != CSVScanner.quote else {
                throw FormatError(
                    offset: position, "a quote stands inside a field without quotes on line \(line)")
            }
            position += 1
        }
        return Span(start: start, contents: start..<position, isQuoted: false, hasEscapes: false)
    }

    private mutating func takeQuoted() throws(FormatError) -> Span {
        let (start, startLine) = (position, line)
        position += 1
        var hasEscapes = false
        while position < file.count {
            let byte = file[position]
            position += 1
            if byte == CSVScanner.lineFeed { line += 1 }
            guard byte == CSVScanner.quote else { continue }
            guard position < file.count, file[position] == CSVScanner.quote else {
                return Span(start: start, contents: start + 1..<position - 1, isQuoted: true, hasEscapes: hasEscapes)
            }
            position += 1
            hasEscapes = true
        }
        throw FormatError(offset: start, "the quote that opens on line \(startLine) is never closed")
    }
}
