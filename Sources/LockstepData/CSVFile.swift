internal import LockstepCore
internal import LockstepFormats

/// A CSV file whose columns are found by name.
struct CSVFile {
    let file: DataFile
    private let table: CSVTable
    /// Without spaces around them.
    let columns: [String]

    init(_ file: DataFile) throws(CommandError) {
        self.file = file
        do {
            table = try CSVFormat.read(try file.contents())
        } catch let error as FormatError {
            throw file.refusal("\(error)")
        } catch let error as CommandError {
            throw error
        } catch {
            throw file.refusal("it cannot be read")
        }
        columns = table.columns.map { CSVFile.trimmed($0) }
    }

    var rowCount: Int { table.rowCount }

    func index(of column: String) throws(CommandError) -> Int {
        guard let index = columns.firstIndex(of: column) else {
            let known = columns.prefix(12).joined(separator: ", ").escapedForDisplay()
            throw file.refusal("it has no column “\(column.escapedForDisplay())”; it has \(known)")
        }
        guard !columns[(index + 1)...].contains(column) else {
            throw file.refusal("two of its columns are named “\(column.escapedForDisplay())”; rename one")
        }
        return index
    }

    /// The columns that make up the input, in the order of the file.
    func inputColumns(of source: CSV) throws(CommandError) -> [TableColumn] {
        for name in source.numeric + source.categorical + source.ignored + [source.label] {
            _ = try index(of: name)
        }
        for name in source.numeric where source.categorical.contains(name) {
            throw .usage("column “\(name.escapedForDisplay())” is named as numeric and as categorical; keep one")
        }
        var chosen: [TableColumn] = []
        let numbers = columnsOfNumbers()
        for (index, name) in columns.enumerated() where name != source.label && !source.ignored.contains(name) {
            _ = try self.index(of: name)
            let isNumeric =
                source.numeric.contains(name) || (numbers[index] && !source.categorical.contains(name))
            chosen.append(TableColumn(name: name, kind: isNumeric ? .numeric : .categorical))
        }
        guard !chosen.isEmpty else { throw file.refusal("it has no column beside the label; add one as input") }
        return chosen
    }

    func labelRule(_ label: String, _ task: CSV.Task?) throws(CommandError) -> LabelRule {
        let index = try index(of: label)
        return switch task {
        case .classify: .classes
        case .regress: .numbers
        case nil: columnsOfNumbers()[index] ? .numbers : .classes
        }
    }

    /// For each column whether its fields are numbers, missing ones aside.
    func columnsOfNumbers() -> [Bool] {
        var isNumeric = Array(repeating: true, count: columns.count)
        for row in 0..<table.rowCount {
            for (index, field) in table.row(row).enumerated() where isNumeric[index] {
                isNumeric[index] = field.isMissing || field.double != nil
            }
        }
        return isNumeric
    }

    /// Reads the rows.
    ///
    /// - Parameter label: the name of its column and how it is read; nil where there are no labels.
    func rows(columns: [TableColumn], label: (name: String, rule: LabelRule)?) throws(CommandError) -> TableRows {
        var places: [Int] = []
        for column in columns { places.append(try index(of: column.name)) }
        let labelPlace = try label.map { (label) throws(CommandError) in try index(of: label.name) }
        var builders = columns.map { column in ColumnBuilder(kind: column.kind, count: table.rowCount) }
        var labels = label.map { LabelBuilder(rule: $0.rule) }
        for row in 0..<table.rowCount {
            let fields = table.row(row)
            for (index, place) in places.enumerated() where !builders[index].append(fields[place]) {
                throw refusal(fields[place], row: row, column: columns[index].name, "is no number")
            }
            if let labelPlace, let flaw = labels?.append(fields[labelPlace]) {
                throw refusal(fields[labelPlace], row: row, column: self.columns[labelPlace], flaw)
            }
        }
        return TableRows(
            count: table.rowCount, columns: columns, contents: builders.map(\.column), labels: labels?.labels ?? .none)
    }

    /// The fields of a column, from the first row to the last; a missing one is an empty text.
    func texts(of column: String) throws(CommandError) -> [CSVField] {
        let place = try index(of: column)
        return (0..<table.rowCount).map { table.row($0)[place] }
    }

    /// Rows are counted from 1, without the header.
    private func refusal(_ field: CSVField, row: Int, column: String, _ flaw: String) -> CommandError {
        let shown = field.text.escapedForDisplay(limit: 60)
        return file.refusal(
            "row \(row + 1), column “\(column.escapedForDisplay(limit: 60))”: “\(shown)” \(flaw) (at byte \(field.offset))"
        )
    }

    static func trimmed(_ text: String) -> String {
        func isSpace(_ scalar: Unicode.Scalar) -> Bool { scalar == " " || scalar == "\t" }
        var rest = text.unicodeScalars[...]
        while let first = rest.first, isSpace(first) { rest.removeFirst() }
        while let last = rest.last, isSpace(last) { rest.removeLast() }
        return String(rest)
    }
}
