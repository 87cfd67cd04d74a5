internal import LockstepFormats

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
        case .known(.classSequence, _): return "is one label; the training data has one for each token"
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
        case .known(.classes, let known), .known(.classSequence, let known): return .classes(names.codes, names: known)
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
