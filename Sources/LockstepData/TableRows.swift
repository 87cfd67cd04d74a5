internal import LockstepCore

/// The rows of a table by column, before anything is fitted to them.
struct TableRows: Sendable {
    enum Column: Sendable {
        /// NaN is a missing number.
        case numbers([Double])
        /// For each row the number of its category in `names`, which are sorted and all occur.
        case categories([Int32], names: [String])
    }

    enum Labels: Sendable {
        case classes([Int32], names: [String])
        case values([Float])
        case none
    }

    let count: Int
    let columns: [TableColumn]
    /// As many as `columns`.
    let contents: [Column]
    let labels: Labels

    /// A digest of names, kinds and everything in the rows, however it was written.
    var digest: Digest {
        var digest = DigestBuilder()
        digest.update("table")
        digest.update(UInt64(count))
        digest.update(UInt64(columns.count))
        for (column, contents) in zip(columns, contents) {
            digest.update(column.name)
            digest.update(column.kind.rawValue)
            switch contents {
            case .numbers(let numbers):
                for number in numbers { digest.update(number.isNaN ? UInt64.max : number.bitPattern) }
            case .categories(let codes, let names):
                digest.update(names)
                for code in codes { digest.update(code) }
            }
        }
        labels.update(&digest)
        return digest.finalize()
    }
}

extension TableRows.Labels {
    /// Adds the labels to a digest.
    func update(_ digest: inout DigestBuilder) {
        switch self {
        case .classes(let codes, let names):
            digest.update("classes")
            digest.update(names)
            for code in codes { digest.update(code) }
        case .values(let values):
            digest.update("values")
            for value in values { digest.update(value.bitPattern) }
        case .none:
            digest.update("none")
        }
    }
}

extension DigestBuilder {
    mutating func update(_ names: [String]) {
        update(UInt64(names.count))
        for name in names { update(name) }
    }
}
