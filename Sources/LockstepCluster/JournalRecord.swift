package import LockstepCore

/// What the coordinator decided, in order. What is in it was decided before anyone was told.
package enum JournalRecord: Sendable, Equatable {
    case incarnation(UInt32)
    case generation(UInt32)
    case roster(Roster)
    case verdict(Verdict)
    case final(step: UInt32, hash: StateHash)
}
