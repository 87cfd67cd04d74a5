package import LockstepCore

/// Why a run failed. There is one for a run.
package struct Verdict: Sendable, Equatable, Codable, CustomStringConvertible {
    /// The worker that is to blame, where it is one.
    package var worker: String?
    /// Where it was when last heard of.
    package var stage: Stage?
    package var step: UInt32?
    package var lane: Int?
    /// What happened, without who and where.
    package var cause: String
    /// One line for people: who, where, what.
    package var message: String
    package var exitCode: ExitCode
    /// Whether the same steps would end in the same way again. The journal has no use for it.
    package var isCertain = false

    private enum CodingKeys: String, CodingKey { case worker, stage, step, lane, cause, message, exitCode }

    package init(
        worker: String? = nil, stage: Stage? = nil, step: UInt32? = nil, lane: Int? = nil, cause: String,
        message: String, exitCode: ExitCode = .failed
    ) {
        self.worker = worker
        self.stage = stage
        self.step = step
        self.lane = lane
        self.cause = cause
        self.message = message
        self.exitCode = exitCode
    }

    package var description: String { message }
}
