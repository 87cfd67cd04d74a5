internal import LockstepCore

/// Durations as options say them: `30s`, `10m`, `1h`.
enum DurationText {
    /// - Throws: `CommandError.usage`.
    static func seconds(_ text: String, option: String) throws(CommandError) -> Double {
        let units: [(String, Double)] = [("s", 1), ("m", 60), ("h", 3600)]
        guard let unit = units.first(where: { text.hasSuffix($0.0) }), let number = Double(text.dropLast()),
            number >= 0, number * unit.1 <= 1e9
        else {
            throw .usage(
                "\(option) \"\(text.escapedForDisplay())\" is no duration: write a number and s, m or h, say 10m")
        }
        return number * unit.1
    }
}
