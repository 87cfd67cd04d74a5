/// Which steps leave spans behind: `traces: {slow, sample, off}` of a job file. No part of the job's digest.
///
/// A step is kept where it failed, where it took more than `slow` times the median of the last hundred, where it is one
/// of the first ten of its process, and where its number belongs to the sample. The sample is the same in every process.
package struct TracePolicy: Sendable, Hashable {
    /// How many times the median makes a step slow; above 1.
    package var slow: Double
    /// One step in so many is kept whatever happens; 1 keeps all.
    package var sample: Int
    /// Whether nothing is traced.
    package var isOff: Bool

    package init(slow: Double = 2, sample: Int = 10, isOff: Bool = false) {
        self.slow = slow
        self.sample = sample
        self.isOff = isOff
    }

    /// Whether the sample holds `step`. A mixed number decides, so that the sample does not fall in with anything that
    /// happens every so many steps, such as snapshots and epochs.
    package func isSampled(step: UInt64) -> Bool {
        sample <= 1 || SpanIdentifiers.mixed(step) % UInt64(sample) == 0
    }
}
