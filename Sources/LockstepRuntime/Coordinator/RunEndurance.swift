internal import LockstepCore

/// How many workers a run can do without.
package struct RunEndurance: Sendable, Hashable {
    /// With fewer workers the run pauses.
    package var minWorkers: Int
    /// So many workers may be lost once the run has begun; the next one ends it.
    package var maxFailures: Int
    /// So many processes beyond the workers are kept ready: they follow the run and take the place of who is lost.
    package var spares: Int

    package static let mostFailures = 1_000_000
    package static let mostSpares = 1024

    package init(minWorkers: Int = 1, maxFailures: Int = 100, spares: Int = 0) {
        self.minWorkers = minWorkers
        self.maxFailures = maxFailures
        self.spares = spares
    }

    /// - Throws: `CommandError.usage`.
    func check(workers: Int, lanes: Int) throws(CommandError) {
        guard (1...lanes).contains(workers) else {
            throw .usage(
                "--workers \(workers): a job of \(lanes) lanes takes 1 to \(lanes) workers; change --workers or lanes")
        }
        guard (1...workers).contains(minWorkers) else {
            throw .usage("--min-workers \(minWorkers): a run of \(workers) workers can do with 1 to \(workers)")
        }
        guard (0...RunEndurance.mostFailures).contains(maxFailures) else {
            throw .usage("--max-failures \(maxFailures): give 0 to \(RunEndurance.mostFailures)")
        }
        guard (0...RunEndurance.mostSpares).contains(spares) else {
            throw .usage("--spares \(spares): give 0 to \(RunEndurance.mostSpares)")
        }
    }
}
