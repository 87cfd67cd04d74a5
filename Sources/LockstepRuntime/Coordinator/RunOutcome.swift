package import LockstepCore

/// How a coordinator's run ended: what the process's exit code says, and what a person reads.
package struct RunOutcome: Sendable, Equatable {
    package let exitCode: ExitCode
    /// Empty where the run ended well.
    package let message: String
}
