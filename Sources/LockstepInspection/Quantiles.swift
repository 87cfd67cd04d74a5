/// Order statistics of whole numbers.
enum Quantiles {
    /// The value below or at which `fraction` of `ascending` lie (nearest rank); 0 of nothing.
    static func value(_ ascending: [UInt64], _ fraction: Double) -> UInt64 {
        guard let last = ascending.last else { return 0 }
        let rank = (fraction * Double(ascending.count)).rounded(.up)
        let index = max(0, min(ascending.count - 1, Int(rank) - 1))
        return index == ascending.count - 1 ? last : ascending[index]
    }

    static func median(_ values: [UInt64]) -> UInt64 { value(values.sorted(), 0.5) }
}

extension UInt64 {
    /// The sum, or the greatest number where it does not fit: times of foreign files can be anything.
    func addingClamped(_ other: UInt64) -> UInt64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}
