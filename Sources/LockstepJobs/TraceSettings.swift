/// Which steps' spans are kept. Operational: no part of a job's digest.
public struct TraceSettings: Sendable, Hashable {
    /// A step is slow, and kept, where it takes so many times the median.
    public var slow: Double
    /// Of the other steps, one in so many is kept.
    public var sample: Int
    /// No spans at all.
    public var isOff: Bool

    public init(slow: Double = 2, sample: Int = 10, isOff: Bool = false) {
        self.slow = slow
        self.sample = sample
        self.isOff = isOff
    }
}
