package import LockstepCore

/// Where a snapshot comes from: the same for all of a run.
package struct SnapshotOrigin: Sendable, Hashable {
    /// Lockstep's version.
    package var version: String
    /// The version of the arithmetic (`docs/arithmetic.md`).
    package var arithmetic: Int
    /// The run's identifier.
    package var run: String
    /// The job's name.
    package var job: String
    package var jobDigest: Digest
    package var planDigest: Digest
    package var seed: UInt64

    package init(
        version: String, arithmetic: Int, run: String, job: String, jobDigest: Digest, planDigest: Digest, seed: UInt64
    ) {
        self.version = version
        self.arithmetic = arithmetic
        self.run = run
        self.job = job
        self.jobDigest = jobDigest
        self.planDigest = planDigest
        self.seed = seed
    }
}
