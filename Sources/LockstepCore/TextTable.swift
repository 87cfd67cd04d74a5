/// Rows of text with columns aligned.
package enum TextTable {
    /// - Parameters:
    ///   - rows: as many cells in each; the first row is the heading.
    ///   - leading: how many columns stand at the left; the others, numbers, stand at the right.
    package static func lines(_ rows: [[String]], leading: Int) -> [String] {
        let widths = (rows.first ?? []).indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            var line = row.indices.map { column in
                let space = String(repeating: " ", count: widths[column] - row[column].count)
                return column < leading ? row[column] + space : space + row[column]
            }.joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            return line
        }
    }
}
