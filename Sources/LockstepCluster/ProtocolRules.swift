/// The rules of the protocol that tests may break, to see that a simulation notices. All false is the protocol.
///
/// A door for faults: nobody can set one in a plain release build.
package struct ProtocolRules: Sendable {
    #if LOCKSTEP_FAILPOINTS
    /// The coordinator starts the next generation at once, without a freeze.
    package var startsWithoutFreeze = false
    /// The coordinator goes on deciding while a decision is not yet durable.
    package var decidesTwice = false
    /// The coordinator judges hashes over the members that it has chosen, not over all answers.
    package var judgesMembersOnly = false
    /// The coordinator takes n* from what was reported, not from what frozen workers say.
    package var usesReportedStep = false
    /// The coordinator never doubles its deadlines.
    package var keepsDeadlines = false
    /// A worker that freezes for a plan does not send out the rest of its step.
    package var dropsQueuedFrames = false
    /// A worker copies a state into the place of its own.
    package var copiesInPlace = false
    /// An observer goes on with its feed although it has said that it stands still.
    package var observesWhileFrozen = false
    /// An observer does not look whether what is fed fits its state.
    package var trustsFeeds = false
    /// The coordinator lets nobody who leaves hand over to too few.
    package var losesLeavers = false
    /// The coordinator starts from the newest state, though one voice alone says what that is.
    package var trustsLoneVoices = false
    /// The coordinator takes reports from the first member alone.
    package var hearsOneReporter = false
    /// A worker says of whoever it has lost a link to that it cannot be reached.
    package var dialsNobodyAgain = false
    #else
    package var startsWithoutFreeze: Bool { false }
    package var decidesTwice: Bool { false }
    package var judgesMembersOnly: Bool { false }
    package var usesReportedStep: Bool { false }
    package var keepsDeadlines: Bool { false }
    package var dropsQueuedFrames: Bool { false }
    package var copiesInPlace: Bool { false }
    package var observesWhileFrozen: Bool { false }
    package var trustsFeeds: Bool { false }
    package var losesLeavers: Bool { false }
    package var trustsLoneVoices: Bool { false }
    package var hearsOneReporter: Bool { false }
    package var dialsNobodyAgain: Bool { false }
    #endif

    package init() {}
}
