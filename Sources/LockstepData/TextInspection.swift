internal import LockstepCore
internal import LockstepFormats

/// Says what is in texts, and in files of which nothing is known.
enum TextInspection {
    /// A file: a table, another text, or bytes.
    ///
    /// - Throws: a usage error where a file that is called a table is none.
    static func describe(_ file: DataFile) throws(CommandError) -> [String] {
        let isNamedTable = [".csv", ".csv.gz"].contains { file.name.hasSuffix($0) }
        guard !file.bytes.isEmpty, !isNamedTable, PlainText.isText(file.bytes) else {
            return file.bytes.isEmpty || isNamedTable
                ? try TableInspection.describe(CSVFile(file)) : bytes(file.bytes)
        }
        // A text may look like a table of one column.
        if let table = try? CSVFile(file), table.columns.count > 1 { return try TableInspection.describe(table) }
        return text(file.bytes)
    }

    /// A directory without images: how its files end, and how much text there is.
    static func describe(directory: DataFile) throws(CommandError) -> [String] {
        var endings = NameNumbers()
        var (texts, byteCount, lines) = (0, 0, 0)
        for entry in directory.entries {
            let contents = try entry.named(in: directory.name).contents()
            endings.append(ending(of: entry.name))
            guard PlainText.isText(contents) else { continue }
            texts += 1
            byteCount += contents.count
            lines += PlainText.lines(contents).count
        }
        return DataInspection.listing("endings", endings) + [
            "UTF-8 texts: \(texts) of \(directory.entries.count), \(byteCount) bytes, \(lines) lines"
        ]
    }

    /// Texts of a column of a table, where its fields are sentences; nil where they are words.
    static func column(_ codes: [Int32], _ names: [String]) -> String? {
        var words = NameNumbers()
        var counts: [Int] = []
        for name in names {
            let before = words.codes.count
            for word in WordScanner(Array(name.utf8)[...]) { words.append(String(decoding: word, as: UTF8.self)) }
            counts.append(words.codes.count - before)
        }
        let total = codes.reduce(0) { $0 + counts[Int($1)] }
        guard total >= 3 * codes.count else { return nil }
        var summary = NumberSummary()
        for code in codes { summary.add(Double(counts[Int(code)])) }
        return "text, words a row: \(summary), different words: \(words.names.count)"
    }

    private static func text(_ bytes: [UInt8]) -> [String] {
        var words = NameNumbers()
        for word in WordScanner(bytes[...]) { words.append(String(decoding: word, as: UTF8.self)) }
        var longest = 0
        let lines = PlainText.lines(bytes)
        for line in lines { longest = max(longest, line.count) }
        return [
            "text: \(bytes.count) bytes, \(distinct(bytes)) different ones",
            "lines: \(lines.count), the longest of \(longest) bytes",
            "words: \(words.codes.count), \(words.names.count) different ones",
        ]
    }

    private static func bytes(_ bytes: [UInt8]) -> [String] {
        var lines = ["bytes of no known format: \(bytes.count), \(distinct(bytes)) different ones"]
        if let (tokens, greatest) = try? TokenFormat.read(bytes, type: .uint16) {
            lines.append("as tokens of type u16: \(tokens.count), at most \(greatest)")
        }
        return lines
    }

    private static func distinct(_ bytes: [UInt8]) -> Int {
        var occurs = Array(repeating: false, count: Bytes.count)
        for byte in bytes { occurs[Int(byte)] = true }
        return occurs.count { $0 }
    }

    private static func ending(of path: String) -> String {
        let name = path.split(separator: "/").last ?? ""
        guard let dot = name.lastIndex(of: ".") else { return "none" }
        return String(name[dot...])
    }
}
