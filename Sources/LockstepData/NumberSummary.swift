/// Least, greatest and mean of numbers, with NaNs and infinities counted apart.
struct NumberSummary: CustomStringConvertible {
    private var count = 0
    private var notNumbers = 0
    private var infinities = 0
    private var least = Double.infinity
    private var greatest = -Double.infinity
    private var sum = 0.0

    mutating func add(_ number: Double) {
        if number.isNaN {
            notNumbers += 1
        } else if number.isInfinite {
            infinities += 1
        } else {
            count += 1
            least = min(least, number)
            greatest = max(greatest, number)
            sum += number
        }
    }

    var description: String {
        var parts: [String] = []
        if count > 0 { parts.append("min \(shown(least)), max \(shown(greatest)), mean \(shown(sum / Double(count)))") }
        if notNumbers > 0 { parts.append("NaN: \(notNumbers)") }
        if infinities > 0 { parts.append("infinite: \(infinities)") }
        return parts.isEmpty ? "none" : parts.joined(separator: ", ")
    }

    /// Seven digits are enough to look at.
    private func shown(_ number: Double) -> String {
        let short = Float(number)
        guard short.isFinite else { return "\(number)" }
        return short == short.rounded() && short.magnitude < 1e7 ? "\(Int(short))" : "\(short)"
    }
}
