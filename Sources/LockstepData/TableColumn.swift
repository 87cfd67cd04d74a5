/// A column of a table that is part of the input.
struct TableColumn: Sendable, Hashable {
    typealias Kind = TablePreprocessing.Column.Kind

    /// What a missing field counts as in a categorical column.
    static let missingCategory = "missing"

    let name: String
    let kind: Kind
}
