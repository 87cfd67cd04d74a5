internal import LockstepCore

/// Names of parameters, in which `*` stands for any characters: `*.bias`, `blocks.*.norm1.*`, `*`.
struct NamePatterns {
    let patterns: [String]

    init(_ patterns: [String]) { self.patterns = patterns }

    func matches(_ name: String) -> Bool {
        patterns.contains { NamePatterns.matches(Array($0.utf8), Array(name.utf8)) }
    }

    /// Checks that each pattern stands for some name, so that a mistyped one is noticed.
    ///
    /// - Parameter key: of the patterns in a job file, for the message.
    func check(against names: [String], key: String) throws(CommandError) {
        guard !patterns.isEmpty else {
            throw .usage("\(key): names nothing; write names of parameters, for example '*.bias'")
        }
        for pattern in patterns where !names.contains(where: { NamePatterns(of: pattern).matches($0) }) {
            let shown = names.prefix(4).map { $0.escapedForDisplay(limit: 60) }.joined(separator: ", ")
            throw .usage(
                "\(key): no parameter is named '\(pattern.escapedForDisplay(limit: 60))'; they are \(shown)"
                    + (names.count > 4 ? ", …" : "") + " ('*' stands for any characters)")
        }
    }

    private init(of pattern: String) { patterns = [pattern] }

    /// Takes time in proportion to both lengths: only the last star is ever tried again.
    private static func matches(_ pattern: [UInt8], _ name: [UInt8]) -> Bool {
        let star = UInt8(ascii: "*")
        var (p, n) = (0, 0)
        var retry: (pattern: Int, name: Int)?
        while n < name.count {
            if p < pattern.count, pattern[p] == star {
                retry = (p + 1, n)
                p += 1
            } else if p < pattern.count, pattern[p] == name[n] {
                p += 1
                n += 1
            } else if let last = retry {
                retry = (last.pattern, last.name + 1)
                (p, n) = (last.pattern, last.name + 1)
            } else {
                return false
            }
        }
        return pattern[p...].allSatisfy { $0 == star }
    }
}
