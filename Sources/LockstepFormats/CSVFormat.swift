internal import LockstepCore

/// Comma-separated values (RFC 4180) in UTF-8, with a header line or without.
///
/// Lines end with LF or CRLF. A field that begins with a quote may hold delimiters, line ends and doubled quotes. A byte
/// order mark at the start and empty lines are skipped. Spaces belong to their field; numbers may stand between spaces.
package enum CSVFormat {
    /// How a file is read, and how much of it is taken.
    package struct Options: Sendable, Hashable {
        /// What separates fields: an ASCII character, neither a quote nor a line end.
        package var delimiter = UInt8(ascii: ",")
        /// Whether the first line names the columns; else they are called 1, 2, ….
        package var hasHeader = true
        package var maximumColumns = 1 << 16
        package var maximumFieldBytes = 1 << 20

        package init(delimiter: UInt8 = UInt8(ascii: ","), hasHeader: Bool = true) {
            self.delimiter = delimiter
            self.hasHeader = hasHeader
        }
    }

    /// The words that stand for a missing number, besides a blank field. They count as written here.
    package static let missingWords = ["NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None", "?", "-"]

    /// Whether a field with this contents says that a number is missing.
    package static func isMissing(_ field: ArraySlice<UInt8>) -> Bool {
        let word = DecimalText.trimmed(field)
        return word.isEmpty || (word.count <= 4 && missingWords.contains { $0.utf8.elementsEqual(word) })
    }

    /// Reads a whole file and checks all of it: quotes, the number of fields in each line, UTF-8, the limits.
    ///
    /// Beside the file itself this takes 8 bytes a row and the names of the columns.
    package static func read(_ file: [UInt8], options: Options = Options()) throws(FormatError) -> CSVTable {
        let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]
        var scanner = CSVScanner(file, options: options, position: file.starts(with: byteOrderMark) ? 3 : 0)
        var row: [CSVScanner.Span] = []
        guard let first = try scanner.next(into: &row) else {
            throw FormatError(offset: 0, "the CSV file is empty")
        }
        var columns: [String] = []
        var starts: [Int] = []
        if options.hasHeader {
            columns = try names(row, scanner)
        } else {
            columns = (1...row.count).map { String($0) }
            starts.append(first)
        }
        while let start = try scanner.next(into: &row) {
            guard row.count == columns.count else {
                let reference = options.hasHeader ? "the header" : "the first line"
                throw FormatError(
                    offset: start,
                    "line \(scanner.rowLine) has \(row.count) fields where \(reference) has \(columns.count)")
            }
            starts.append(start)
        }
        return CSVTable(file: file, columns: columns, rowStarts: starts, options: options)
    }

    private static func names(_ row: [CSVScanner.Span], _ scanner: CSVScanner) throws(FormatError) -> [String] {
        var known: Set<String> = []
        var names: [String] = []
        for span in row {
            let name = scanner.field(span).text
            guard known.insert(name).inserted else {
                let shown = name.escapedForDisplay(limit: 60)
                throw FormatError(offset: span.start, "two columns are named “\(shown)”")
            }
            names.append(name)
        }
        return names
    }

    /// A file of these lines, each ended by LF; fields are quoted where they must be.
    package static func encoded(_ rows: some Sequence<[String]>, delimiter: UInt8 = UInt8(ascii: ",")) -> [UInt8] {
        var bytes: [UInt8] = []
        for row in rows {
            for (index, field) in row.enumerated() {
                if index > 0 { bytes.append(delimiter) }
                append(field, delimiter, isAlone: row.count == 1, to: &bytes)
            }
            bytes.append(UInt8(ascii: "\n"))
        }
        return bytes
    }

    /// A lone empty field is quoted too: an empty line would be skipped.
    private static func append(_ field: String, _ delimiter: UInt8, isAlone: Bool, to bytes: inout [UInt8]) {
        let quote = UInt8(ascii: "\"")
        let needsQuotes = field.utf8.contains { $0 == delimiter || $0 == quote || $0 == 0x0A || $0 == 0x0D }
        let isMark = field.utf8.starts(with: [0xEF, 0xBB, 0xBF] as [UInt8])
        guard needsQuotes || isMark || (isAlone && field.isEmpty) else {
            bytes.append(contentsOf: field.utf8)
            return
        }
        bytes.append(quote)
        for byte in field.utf8 {
            if byte == quote { bytes.append(quote) }
            bytes.append(byte)
        }
        bytes.append(quote)
    }
}
