internal import LockstepCore

/// Says what is in a table.
enum TableInspection {
    /// - Throws: a usage error that names the file.
    static func describe(_ file: CSVFile) throws(CommandError) -> [String] {
        var lines = ["CSV table: \(file.rowCount) rows, \(file.columns.count) columns"]
        let areNumbers = file.columnsOfNumbers()
        let columns = zip(file.columns, areNumbers).map { name, isNumeric in
            TableColumn(name: name, kind: isNumeric ? .numeric : .categorical)
        }
        let rows = try file.rows(columns: columns, label: nil)
        for (column, contents) in zip(columns, rows.contents) {
            let name = column.name.escapedForDisplay(limit: 60)
            switch contents {
            case .numbers(let numbers):
                var summary = NumberSummary()
                var missing = 0
                for number in numbers {
                    if number.isNaN { missing += 1 } else { summary.add(number) }
                }
                lines.append("\(name): numeric, \(summary)\(missingText(missing))")
            case .categories(let codes, let names):
                let text = TextInspection.column(codes, names)
                lines.append(
                    "\(name): \(text ?? "categorical, \(names.count) categories\(categories(codes, names))")")
            }
        }
        return lines
    }

    private static func categories(_ codes: [Int32], _ names: [String]) -> String {
        let shown = 8
        var counts = Array(repeating: 0, count: names.count)
        for code in codes { counts[Int(code)] += 1 }
        // The most frequent first; among equals the order of the names.
        let order = names.indices.sorted { (counts[$1], $0) < (counts[$0], $1) }.prefix(shown)
        let listed = order.map { "\(names[$0].escapedForDisplay(limit: 30)) \(counts[$0])" }
        return ": " + listed.joined(separator: ", ") + (names.count > shown ? ", …" : "")
    }

    private static func missingText(_ count: Int) -> String { count > 0 ? ", missing: \(count)" : "" }
}
