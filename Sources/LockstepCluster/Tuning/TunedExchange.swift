package import LockstepCollectives
internal import LockstepCore

/// How gradients will travel, and what was measured to choose it.
package struct TunedExchange: Sendable, Equatable {
    /// A bucket, and when its sums are expected, in seconds from the beginning of a step.
    package struct Bucket: Sendable, Equatable {
        /// Floats of the flat gradient.
        package let range: Range<Int>
        /// When the slowest worker has its own sums.
        package let readySeconds: Double
        /// When every worker has the total.
        package let summedSeconds: Double

        package init(range: Range<Int>, readySeconds: Double, summedSeconds: Double) {
            self.range = range
            self.readySeconds = readySeconds
            self.summedSeconds = summedSeconds
        }
    }

    package let settings: ExchangeSettings
    /// What was measured, in order; empty where nothing was.
    package let trials: [TrialResult]
    /// Of a small all-reduce as it is chosen; 0 where it was not measured.
    package let latencySeconds: Double
    /// Of the vector, in a large all-reduce as it is chosen; 0 where it was not measured.
    package let bytesPerSecond: Double
    /// When the slowest worker has which part of its own sums; empty where it was not measured.
    package let timeline: [GradientPoint]
    /// With a forecast, where latency and timeline were measured; else empty.
    package let buckets: [Bucket]

    package init(
        settings: ExchangeSettings, trials: [TrialResult] = [], latencySeconds: Double = 0, bytesPerSecond: Double = 0,
        timeline: [GradientPoint] = [], buckets: [Bucket] = []
    ) {
        self.settings = settings
        self.trials = trials
        self.latencySeconds = latencySeconds
        self.bytesPerSecond = bytesPerSecond
        self.timeline = timeline
        self.buckets = buckets
    }

    /// What the computation of a step takes the slowest worker.
    package var computeSeconds: Double { timeline.last?.seconds ?? 0 }

    /// What is expected of an all-reduce after the computation is over.
    package var exposedSeconds: Double { max(0, (buckets.last?.summedSeconds ?? 0) - computeSeconds) }

    /// One line for people.
    package var summary: String {
        func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }
        var parts = [
            count(settings.bucketBoundaries.count + 1, "bucket"), "\(count(settings.links, "link")) a pair",
            settings.staysAwake ? "awake while they wait" : "asleep while they wait",
        ]
        if latencySeconds > 0 { parts.append("\(TunedExchange.whole(latencySeconds * 1e6)) µs for a small one") }
        if bytesPerSecond > 0 { parts.append("\(TunedExchange.whole(bytesPerSecond / 1e6)) MB/s for a large one") }
        return "gradients travel in " + parts.joined(separator: ", ")
    }

    private static func whole(_ value: Double) -> String {
        value < 1e15 ? String(Int(value.rounded())) : "very many"
    }
}
