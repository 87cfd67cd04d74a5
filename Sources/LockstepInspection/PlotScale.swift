internal import LockstepCore

/// A range of values and where it lies in a picture.
struct PlotScale {
    let low: Double
    let high: Double

    /// Covers `values`; a single value gets some room around it. Nil where there is none.
    init?(_ values: some Sequence<Double>) {
        var (low, high) = (Double.infinity, -Double.infinity)
        for value in values where value.isFinite { (low, high) = (min(low, value), max(high, value)) }
        guard low <= high else { return nil }
        if low == high {
            let margin = low == 0 ? 1 : low.magnitude / 10
            (low, high) = (low - margin, high + margin)
        }
        // Values near the greatest number have no room around them.
        guard (high - low).isFinite, low < high else { return nil }
        (self.low, self.high) = (low, high)
    }

    /// 0 at the lower end, 1 at the upper.
    func fraction(_ value: Double) -> Double { max(0, min(1, (value - low) / (high - low))) }

    /// Round numbers inside the range, about `count` of them, and how many places they need.
    func ticks(_ count: Int) -> (values: [Double], digits: Int) {
        let rough = (high - low) / Double(max(1, count))
        var power = 1.0
        var digits = 0
        while power > rough, power > 1e-300 { (power, digits) = (power / 10, digits + 1) }
        while power * 10 <= rough { (power, digits) = (power * 10, digits - 1) }
        let step = power * ([1, 2, 5, 10].first { $0 * power >= rough } ?? 10)
        let first = (low / step).rounded(.up)
        var values: [Double] = []
        // Counted, for `value += step` might not move a large value.
        for index in 0...(2 * count + 2) {
            let value = (first + Double(index)) * step
            if value > high { break }
            values.append(value == 0 ? 0 : value)
        }
        return (values, max(0, step >= 10 * power ? digits - 1 : digits))
    }

    /// A tick's text; very large and very small ones as powers.
    static func text(_ value: Double, digits: Int) -> String {
        value.magnitude >= 1e7 || digits > 8 ? short(value) : NumberText.fixed(value, digits)
    }

    /// Four significant digits.
    static func short(_ value: Double) -> String {
        guard value.isFinite, value != 0 else { return value == 0 ? "0" : "\(value)" }
        var exponent = 0
        var mantissa = value.magnitude
        while mantissa < 1, exponent > -400 { (mantissa, exponent) = (mantissa * 10, exponent - 1) }
        while mantissa >= 10 { (mantissa, exponent) = (mantissa / 10, exponent + 1) }
        let sign = value < 0 ? "-" : ""
        guard exponent >= -4, exponent < 7 else { return "\(sign)\(NumberText.fixed(mantissa, 2))e\(exponent)" }
        return NumberText.fixed(value, max(0, 3 - exponent))
    }
}
