extension String {
    /// This text, which came from outside, made safe to show on one line of a terminal or a log: control characters,
    /// escapes and direction marks become `\u{…}`, and what is longer than `limit` characters is cut.
    public func escapedForDisplay(limit: Int = 200) -> String {
        var shown = ""
        var length = 0
        for scalar in unicodeScalars {
            guard length < limit else { return shown + "…" }
            length += 1
            switch scalar.properties.generalCategory {
            case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator:
                shown += "\\u{\(String(scalar.value, radix: 16))}"
            default:
                shown.unicodeScalars.append(scalar)
            }
        }
        return shown
    }
}
