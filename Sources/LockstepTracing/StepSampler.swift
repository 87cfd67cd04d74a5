/// Decides which steps of a process are kept. A value without a clock.
struct StepSampler: Sendable {
    /// Why a step is kept; the first that holds.
    enum Reason: String, Sendable {
        /// It belongs to the sample: medians and shares are taken of these.
        case sample
        case failed
        case slow
        /// One of the first ten of its process.
        case first
    }

    static let firstSteps = 10
    static let window = 100

    private let policy: TracePolicy
    private var seen = 0
    /// The last durations, oldest first from `oldest` on, and the same in ascending order.
    private var recent: [UInt64] = []
    private var ascending: [UInt64] = []
    private var oldest = 0

    init(_ policy: TracePolicy) { self.policy = policy }

    /// Takes the next step into account.
    ///
    /// - Parameter step: nil where the step has no number; it is then no part of the sample.
    mutating func reason(step: UInt64?, duration: UInt64, isFailed: Bool) -> Reason? {
        let reason = expected(step: step, duration: duration, isFailed: isFailed)
        seen += 1
        // A step that was broken off says nothing about how long steps take.
        if !isFailed { note(duration) }
        return reason
    }

    /// Takes the next step into account where it did not fail and is not kept.
    mutating func passesOver(step: UInt64, duration: UInt64) -> Bool {
        guard expected(step: step, duration: duration, isFailed: false) == nil else { return false }
        seen += 1
        note(duration)
        return true
    }

    private func expected(step: UInt64?, duration: UInt64, isFailed: Bool) -> Reason? {
        if let step, policy.isSampled(step: step) { return .sample }
        if isFailed { return .failed }
        if seen < StepSampler.firstSteps { return .first }
        return median.map { Double(duration) > policy.slow * $0 } ?? false ? .slow : nil
    }

    /// The median of the last steps; nil before the tenth.
    private var median: Double? {
        guard ascending.count >= StepSampler.firstSteps else { return nil }
        let middle = ascending.count / 2
        guard ascending.count.isMultiple(of: 2) else { return Double(ascending[middle]) }
        return (Double(ascending[middle - 1]) + Double(ascending[middle])) / 2
    }

    private mutating func note(_ duration: UInt64) {
        if recent.count < StepSampler.window {
            recent.append(duration)
        } else {
            ascending.remove(at: place(of: recent[oldest]))
            recent[oldest] = duration
            oldest = (oldest + 1) % StepSampler.window
        }
        ascending.insert(duration, at: place(of: duration))
    }

    /// The first index whose duration is not below `duration`.
    private func place(of duration: UInt64) -> Int {
        var (low, high) = (0, ascending.count)
        while low < high {
            let middle = (low + high) / 2
            if ascending[middle] < duration { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
