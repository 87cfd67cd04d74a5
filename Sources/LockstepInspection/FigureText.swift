internal import LockstepCore

/// Figures as people read them. Display only.
enum FigureText {
    /// Three significant digits and a unit: `812 ns`, `3.12 ms`, `1.20 s`, `2:03:04`.
    static func time(_ nanoseconds: UInt64) -> String {
        let units: [(Double, String)] = [(1, "ns"), (1e3, "µs"), (1e6, "ms"), (1e9, "s")]
        let value = Double(nanoseconds)
        guard value < 599.5e9 else { return clock(nanoseconds / 1_000_000_000) }
        for (scale, unit) in units {
            // What would round up to 1000 belongs to the next unit.
            guard value / scale < 999.5 || unit == "s" else { continue }
            let scaled = value / scale
            let digits = unit == "ns" || scaled >= 99.95 ? 0 : scaled >= 9.995 ? 1 : 2
            return "\(NumberText.fixed(scaled, digits)) \(unit)"
        }
        return clock(nanoseconds / 1_000_000_000)
    }

    private static func clock(_ seconds: UInt64) -> String {
        let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60)
        let tail = "\(minutes < 10 ? "0" : "")\(minutes):\(rest < 10 ? "0" : "")\(rest)"
        return hours > 0 ? "\(hours):\(tail)" : tail
    }

    /// Shares as percentages with one place, whose shown values add to exactly 100.0 where the shares add to 1: what
    /// rounding leaves over goes to those that lost most by it.
    static func percentages(_ shares: [Double]) -> [String] {
        var tenths = shares.map { Int(($0.isFinite ? max(0, min(1, $0)) : 0) * 1000) }
        var rest = 1000 - tenths.reduce(0, +)
        let order = shares.indices.sorted { left, right in
            let losses = (shares[left] * 1000 - Double(tenths[left]), shares[right] * 1000 - Double(tenths[right]))
            return losses.0 == losses.1 ? left < right : losses.0 > losses.1
        }
        for index in order where rest > 0 {
            tenths[index] += 1
            rest -= 1
        }
        return tenths.map { "\($0 / 10).\($0 % 10) %" }
    }

    /// `1 step`, `2 steps`.
    static func count(_ count: Int, _ noun: String) -> String {
        "\(NumberText.grouped(count)) \(noun)\(count == 1 ? "" : "s")"
    }
}
