/// The pauses between attempts to reach the coordinator, over all attempts of a process: a coordinator that accepts and
/// closes at once is not dialled faster than one that is not there.
struct Redial: Sendable {
    private var until: Double
    private var pause = Redial.shortestPause
    private static let shortestPause = 0.1
    private static let longestPause = 2.0

    /// - Parameters:
    ///   - start: seconds of the monotonic clock.
    ///   - patience: seconds from then on in which an attempt may begin; `infinity` where somebody else watches that.
    init(start: Double = 0, patience: Double = .infinity) { until = start + patience }

    /// Seconds to wait before the next attempt, each time twice as long; nil where patience ends before.
    mutating func nextPause(at now: Double) -> Double? {
        guard now + pause < until else { return nil }
        defer { pause = min(pause * 2, Redial.longestPause) }
        return pause
    }

    /// An attempt has led to something: the next ones begin with the shortest pause, and without an end.
    mutating func succeeded() { self = Redial() }
}
