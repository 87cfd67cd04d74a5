internal import LockstepFormats

/// Collects the fields of a column.
struct ColumnBuilder {
    private let kind: TableColumn.Kind
    private var numbers: [Double] = []
    private var names = NameNumbers()

    init(kind: TableColumn.Kind, count: Int) {
        self.kind = kind
        if kind == .numeric { numbers.reserveCapacity(count) }
    }

    /// - Returns: false where the field does not fit the column.
    mutating func append(_ field: CSVField) -> Bool {
        switch kind {
        case .numeric:
            guard !field.isMissing else {
                numbers.append(.nan)
                return true
            }
            guard let number = field.double else { return false }
            numbers.append(number)
        case .categorical:
            names.append(field.isMissing ? TableColumn.missingCategory : CSVFile.trimmed(field.text))
        }
        return true
    }

    var column: TableRows.Column {
        switch kind {
        case .numeric: return .numbers(numbers)
        case .categorical:
            let (codes, sorted) = names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
            return .categories(codes, names: sorted)
        }
    }
}
