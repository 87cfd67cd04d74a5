package import LockstepCore

/// How a run ended that did not fail.
package struct RunResult: Sendable, Equatable {
    package enum Outcome: Sendable, Equatable {
        /// All steps are done and the snapshot is written.
        case completed
        /// What was to be measured is measured; no step was made.
        case measured
        /// Someone asked for the end.
        case stopped(reason: String)
    }

    package struct MemberResult: Sendable, Equatable {
        package let name: String
        package let lanes: Range<Int>
        /// What the member said at the end of a completed run.
        package let done: Done?
    }

    package struct LaneCount: Sendable, Equatable {
        package let name: String
        package let lanes: Int
    }

    package let outcome: Outcome
    /// The step of the snapshot, nil where none was written.
    package let snapshotStep: UInt32?
    package let hash: StateHash?
    /// In roster order; empty where no generation had begun.
    package let members: [MemberResult]
    /// By worker, in the order of their names: the lanes of the steps that were reported here, each step once.
    package let lanesComputed: [LaneCount]
    /// Lanes that were computed twice, with the same result, in the steps that were reported here.
    package let lanesAudited: Int
    /// Failures that the run survived, and generations that trained.
    package let incidents: Int
    package let generations: Int
    package let exitCode: ExitCode
}
