/// How many times their usual length deadlines have: time-outs that are too short for a machine grow until they are not.
struct Patience: Sendable {
    private(set) var factor: Int
    /// The highest step ever reported, at the last failure.
    private var reported: UInt32

    init(factor: Int = 1, reported: UInt32) {
        self.factor = min(max(1, factor), Roster.mostPatience)
        self.reported = reported
    }

    /// - Parameter reported: the highest step ever reported, now.
    mutating func failed(reported: UInt32) {
        factor = reported > self.reported ? max(1, factor / 2) : min(Roster.mostPatience, factor * 2)
        self.reported = reported
    }

    /// Somebody was given up, and its answer was only late.
    mutating func lengthen() { factor = min(Roster.mostPatience, factor * 2) }

    func callAsFunction(_ nanoseconds: UInt64) -> UInt64 {
        let (product, isTooLong) = nanoseconds.multipliedReportingOverflow(by: UInt64(factor))
        return isTooLong ? UInt64.max / 4 : product
    }
}
