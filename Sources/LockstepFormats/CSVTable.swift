/// A CSV file that has been read and found sound. Fields are cut from the file when they are asked for.
package struct CSVTable: Sendable {
    /// What the columns are called, in their order; no two alike.
    package let columns: [String]
    private let file: [UInt8]
    private let rowStarts: [Int]
    private let options: CSVFormat.Options

    /// - Parameter file: has been scanned with these options without an error.
    init(file: [UInt8], columns: [String], rowStarts: [Int], options: CSVFormat.Options) {
        self.file = file
        self.columns = columns
        self.rowStarts = rowStarts
        self.options = options
    }

    /// How many rows there are, without the header.
    package var rowCount: Int { rowStarts.count }

    /// The place of the column of that name.
    package func columnIndex(_ name: String) -> Int? { columns.firstIndex(of: name) }

    /// Where a row begins in the file.
    package func offset(ofRow index: Int) -> Int { rowStarts[index] }

    /// The fields of a row, as many as there are columns.
    package func row(_ index: Int) -> [CSVField] {
        var scanner = CSVScanner(file, options: options, position: rowStarts[index])
        var spans: [CSVScanner.Span] = []
        spans.reserveCapacity(columns.count)
        guard (try? scanner.next(into: &spans)) != nil else {
            preconditionFailure("the rows of a table have been scanned before")
        }
        return spans.map { scanner.field($0) }
    }
}
