public import LockstepCore
internal import LockstepFormats

/// A table in a file of comma-separated values with a header, plain or compressed with gzip. One column is the label,
/// the others make up the input.
///
/// A column of the training file whose fields are numbers, missing ones aside, is numeric; any other is categorical. A
/// missing field (empty, `NA`, `nan` and the like) counts as the mean of its column, or as the category `missing`. Numbers
/// are normalised to mean 0 and deviation 1. Categories become one number each, 1 for the row's and 0 for the others, in
/// the order of their UTF-8 bytes; a category that the training data does not have makes all of them 0. Spaces around a
/// field are not part of it.
///
/// Means, deviations and categories come from the training samples alone, without those split off for validation.
/// Which columns are numeric and which classes there are comes from the whole training file.
public struct CSV: DataSource, Hashable {
    /// What the label column holds.
    public enum Task: String, Sendable, Hashable, CaseIterable {
        /// Classes, numbered in the order of their names: by number where all are whole numbers, else by UTF-8 bytes.
        case classify
        /// One number.
        case regress
    }

    /// The path of the file.
    public var path: String
    /// The name of the column that holds the targets.
    public var label: String
    /// Nil: classes where the labels of the training file are not all numbers.
    public var task: Task?
    /// Columns that are numeric whatever they hold.
    public var numeric: [String]
    /// Columns that are categorical whatever they hold, such as numbers of shops.
    public var categorical: [String]
    /// Columns that are no input.
    public var ignored: [String]
    public var normalize: Bool

    public init(
        path: String, label: String, task: Task? = nil, numeric: [String] = [], categorical: [String] = [],
        ignored: [String] = [], normalize: Bool = true
    ) {
        self.path = path
        self.label = label
        self.task = task
        self.numeric = numeric
        self.categorical = categorical
        self.ignored = ignored
        self.normalize = normalize
    }

    public var paths: [DataPath] { [.file(path)] }

    public var canonicalDescription: String {
        func quoted(_ names: [String]) -> String { JSONValue.array(names.map { .string($0) }).text }
        return "csv label \(quoted([label])) task \(task?.rawValue ?? "any") numeric \(quoted(numeric)) "
            + "categorical \(quoted(categorical)) ignored \(quoted(ignored)) normalize \(normalize)"
    }

    public func open(files: [DataFile], preprocessing: Preprocessing?) throws(CommandError) -> any SampleReader {
        try check(files, "CSV data")
        let file = try CSVFile(files[0])
        guard file.rowCount > 0 else { throw files[0].refusal("it has no rows; training needs at least one sample") }
        if let preprocessing {
            guard let table = preprocessing.table else {
                throw files[0].refusal("it is a table, but the training data is none; give data of the same kind")
            }
            let rows = try file.rows(
                columns: table.columns.map { TableColumn(name: $0.name, kind: $0.kind) },
                label: (label, .known(preprocessing.target, preprocessing.classNames)))
            return TableReader(rows, preprocessing: preprocessing)
        }
        let columns = try file.inputColumns(of: self)
        let rows = try file.rows(columns: columns, label: (label, try file.labelRule(label, task)))
        return try TableReader(rows, fittedTo: nil, label: label, normalize: normalize)
    }
}
