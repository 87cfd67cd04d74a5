/// Numbers as people read them. Display only.
package enum NumberText {
    /// `digits` places after the point.
    package static func fixed(_ value: Double, _ digits: Int) -> String {
        guard value.isFinite else { return "\(value)" }
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        let scaled = (value.magnitude * scale).rounded()
        guard scaled < 1e15 else { return "\(value)" }
        let whole = String(Int(scaled))
        let padded = String(repeating: "0", count: max(0, digits + 1 - whole.count)) + whole
        let sign = value < 0 && scaled > 0 ? "-" : ""
        return digits == 0 ? sign + padded : "\(sign)\(padded.dropLast(digits)).\(padded.suffix(digits))"
    }

    /// Three significant digits, in powers of ten where that is shorter: `0.000954`, `9.5e-07`.
    package static func rate(_ value: Double) -> String {
        guard value.isFinite, value != 0 else { return value == 0 ? "0" : "\(value)" }
        var exponent = 0
        var mantissa = value.magnitude
        while mantissa < 1 { (mantissa, exponent) = (mantissa * 10, exponent - 1) }
        while mantissa >= 10 { (mantissa, exponent) = (mantissa / 10, exponent + 1) }
        let sign = value < 0 ? "-" : ""
        guard exponent >= -5, exponent < 6 else { return "\(sign)\(fixed(mantissa, 2))e\(exponent)" }
        return fixed(value, max(0, 2 - exponent))
    }

    /// `12,345`, the nearest whole number.
    package static func grouped(_ value: Double) -> String {
        value.isFinite && value.magnitude < 1e18 ? grouped(Int(value.rounded())) : "\(value)"
    }

    /// `12,345`.
    package static func grouped(_ value: Int) -> String {
        let digits = String(value.magnitude)
        var groups: [Substring] = []
        var rest = digits[...]
        while rest.count > 3 {
            groups.append(rest.suffix(3))
            rest = rest.dropLast(3)
        }
        groups.append(rest)
        return (value < 0 ? "-" : "") + groups.reversed().joined(separator: ",")
    }

    /// `1:05`, `2:03:04`.
    package static func duration(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds >= 0, seconds < 1e9 else { return "?" }
        let whole = Int(seconds.rounded())
        let (minutes, rest) = (whole / 60, whole % 60)
        let tail = rest < 10 ? "0\(rest)" : "\(rest)"
        guard minutes >= 60 else { return "\(minutes):\(tail)" }
        return "\(minutes / 60):\(minutes % 60 < 10 ? "0" : "")\(minutes % 60):\(tail)"
    }

    /// `accuracy 87.62 %`, `f1 0.8722`. Shares of samples are read in per cent.
    package static func metric(_ name: String, _ value: Double) -> String {
        let isShare = name == "accuracy" || name.hasPrefix("top")
        return isShare ? "\(name) \(fixed(value * 100, 2)) %" : "\(name) \(fixed(value, 4))"
    }
}
