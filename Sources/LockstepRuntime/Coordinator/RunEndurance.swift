package import LockstepCore

/// How many workers a run can do without.
package struct RunEndurance: Sendable, Hashable {
    /// With fewer workers the run pauses.
    package var minWorkers: Int
    /// So many workers may be lost once the run has begun; the next one ends it.
    package var maxFailures: Int

    package static let mostFailures = 1_000_000

    package init(minWorkers: Int = 1, maxFailures: Int = 100) {
        self.minWorkers = minWorkers
        self.maxFailures = maxFailures
    }

    /// - Throws: `CommandError.usage`.
    func check(workers: Int) throws(CommandError) {
        guard (1...max(1, workers)).contains(minWorkers) else {
            throw .usage("--min-workers \(minWorkers): a run of \(workers) workers can do with 1 to \(workers)")
        }
        guard (0...RunEndurance.mostFailures).contains(maxFailures) else {
            throw .usage("--max-failures \(maxFailures): give 0 to \(RunEndurance.mostFailures)")
        }
    }
}
