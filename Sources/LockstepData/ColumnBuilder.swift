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

/// Collects the labels of a table.
struct LabelBuilder {
    private let rule: LabelRule
    private var values: [Float] = []
    private var names = NameNumbers()

    init(rule: LabelRule) {
        self.rule = rule
        if case .known(_, let known) = rule {
            for name in known { _ = names.number(of: name) }
        }
    }

    /// - Returns: what is wrong with the field; nil where nothing is.
    mutating func append(_ field: CSVField) -> String? {
        guard !field.isMissing else { return "is a missing label; remove the row" }
        switch rule {
        case .classes:
            names.append(CSVFile.trimmed(field.text))
        case .numbers, .known(.values, _):
            guard let value = field.float else { return "is no number; a label must be one here" }
            values.append(value)
        case .known(.classes(let count), _):
            guard names.appendKnown(CSVFile.trimmed(field.text), below: count) else {
                return "is a class that the training data does not have"
            }
        }
        return nil
    }

    var labels: TableRows.Labels {
        switch rule {
        case .numbers, .known(.values, _): return .values(values)
        case .known(.classes, let known): return .classes(names.codes, names: known)
        case .classes:
            let areNumbers = names.names.allSatisfy { Int($0) != nil }
            let (codes, sorted) = names.sorted { left, right in
                if areNumbers, let first = Int(left), let second = Int(right), first != second { return first < second }
                return left.utf8.lexicographicallyPrecedes(right.utf8)
            }
            return .classes(codes, names: sorted)
        }
    }
}

/// Numbers names in the order in which they first occur.
struct NameNumbers {
    private var numbers: [Name: Int32] = [:]
    private(set) var names: [String] = []
    /// The numbers of what was appended.
    private(set) var codes: [Int32] = []

    /// Compared by its bytes, not by what Unicode calls equivalent.
    private struct Name: Hashable {
        let bytes: [UInt8]
        init(_ name: String) { bytes = Array(name.utf8) }
    }

    mutating func number(of name: String) -> Int32 {
        let key = Name(name)
        if let number = numbers[key] { return number }
        let number = Int32(truncatingIfNeeded: names.count)
        numbers[key] = number
        names.append(name)
        return number
    }

    mutating func append(_ name: String) { codes.append(number(of: name)) }

    /// - Returns: false where the name has no number below `count` yet.
    mutating func appendKnown(_ name: String, below count: Int) -> Bool {
        guard let number = numbers[Name(name)], number < count else { return false }
        codes.append(number)
        return true
    }

    /// The names in an order, and the codes by it.
    func sorted(by precedes: (String, String) -> Bool) -> (codes: [Int32], names: [String]) {
        let order = names.indices.sorted { precedes(names[$0], names[$1]) }
        var ranks = Array(repeating: Int32(0), count: names.count)
        for (rank, index) in order.enumerated() { ranks[index] = Int32(truncatingIfNeeded: rank) }
        return (codes.map { ranks[Int($0)] }, order.map { names[$0] })
    }
}
