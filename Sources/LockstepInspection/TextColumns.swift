/// How much room text takes on a terminal.
enum TextColumns {
    /// The words of a text on lines of `width` columns at most; a longer word has a line of its own.
    static func wrapped(_ text: String, width: Int) -> [String] {
        var lines: [String] = []
        for word in text.split(separator: " ") {
            guard let line = lines.last, self.width(line) + 1 + self.width(String(word)) <= width else {
                lines.append(String(word))
                continue
            }
            lines[lines.count - 1] = "\(line) \(word)"
        }
        return lines
    }

    /// The number of columns of text without control characters.
    static func width(_ text: String) -> Int { text.unicodeScalars.reduce(0) { $0 + width($1) } }

    /// The text, cut where it would be wider than `limit`.
    static func cut(_ text: String, _ limit: Int) -> String {
        guard width(text) > limit else { return text }
        guard limit > 0 else { return "" }
        var kept = ""
        var columns = 0
        for scalar in text.unicodeScalars {
            guard columns + width(scalar) <= limit - 1 else { break }
            columns += width(scalar)
            kept.unicodeScalars.append(scalar)
        }
        return kept + "…"
    }

    /// The text with spaces after it, `columns` wide in all.
    static func left(_ text: String, _ columns: Int) -> String {
        let text = cut(text, columns)
        return text + String(repeating: " ", count: max(0, columns - width(text)))
    }

    /// The text with spaces before it.
    static func right(_ text: String, _ columns: Int) -> String {
        let text = cut(text, columns)
        return String(repeating: " ", count: max(0, columns - width(text))) + text
    }

    private static func width(_ scalar: Unicode.Scalar) -> Int {
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark: return 0
        default: break
        }
        switch scalar.value {
        case 0x1100...0x115F, 0x2E80...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60,
            0xFFE0...0xFFE6, 0x1F300...0x1FAFF, 0x20000...0x3FFFD:
            return 2
        default: return 1
        }
    }
}
