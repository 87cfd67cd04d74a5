/// When snapshots are written and which are kept. Operational: no part of a job's digest.
public struct SnapshotPolicy: Sendable, Hashable {
    /// A snapshot after every so many steps; nil for the end of an epoch, but at least 100 steps apart.
    public var everySteps: Int?
    /// How many of the newest are kept, beside the best.
    public var keep: Int
    /// What makes a snapshot the best one, `loss` or the name of a metric; it is kept and preferred by `evaluate` and
    /// `predict`. Nil where none is.
    public var best: String?

    public init(everySteps: Int? = nil, keep: Int = 3, best: String? = nil) {
        self.everySteps = everySteps
        self.keep = keep
        self.best = best
    }

    /// Steps from one snapshot to the next.
    func interval(stepsPerEpoch: Int) -> Int {
        everySteps ?? (99 + stepsPerEpoch) / stepsPerEpoch * stepsPerEpoch
    }
}
