internal import LockstepCluster

/// How many samples a second a run does, as far as this process has seen it.
///
/// A coordinator that takes a run over hears at once of all that was done while there was none: what those steps took
/// themselves counts then, and not how fast they were told.
struct Throughput: Sendable, Equatable {
    private var begin: Double?
    private var last = 0.0
    /// What the steps took by themselves.
    private var stepSeconds = 0.0
    private(set) var samples = 0
    private(set) var steps = 0

    /// Time counts from here on, though no step is done yet. Only the first time counts.
    ///
    /// - Parameter now: seconds of a monotonic clock.
    mutating func start(now: Double) {
        guard begin == nil else { return }
        begin = now
        last = now
    }

    mutating func add(_ report: StepReport, now: Double) {
        // Reports that cannot be are no measure.
        let seconds = report.seconds.isFinite ? max(0, report.seconds) : 0
        start(now: now - seconds)
        last = now
        stepSeconds += seconds
        samples += Int(report.samples)
        steps += 1
    }

    /// From the start to the last step; never 0.
    var seconds: Double { max(last - (begin ?? last), stepSeconds, 1e-9) }

    var samplesPerSecond: Double { Double(samples) / seconds }
}
