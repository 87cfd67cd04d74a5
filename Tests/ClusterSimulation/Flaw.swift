/// A deliberately wrong shell. The invariants must notice each of them.
package enum Flaw: String, CaseIterable, Sendable {
    case none
    /// Actions are carried out before what was decided is on disk.
    case journalsLater
    /// At a crash the journal loses its last two records, although they were acted upon.
    case forgetsJournal
    /// A copy takes the place of the state whatever it hashes to.
    case trustsCopies
    /// A hung computation is left alone, and the worker says that it has parked.
    case parksHung
    /// The coordinator does not hear that connections end.
    case deafToEnds
    /// The first worker does not see that others ask to freeze.
    case deafToPlans
    /// A worker of a certain name does not see that a loss is not finite.
    case appliesAnyway
    /// Workers do not see that states differ.
    case appliesCorrupt
    /// The coordinator does not look at what was collected before it writes it.
    case trustsShares
    /// The coordinator writes a state that nobody has agreed on yet.
    case writesUnagreed
    /// Who resumes forgets what was judged so far.
    case forgetsTheWatch
    /// The first worker does not tell what it measured.
    case keepsAMeasurement
    /// Workers answer a trial before its rounds are over.
    case measuresNothing
    /// A source streams its state while it goes on, in the place of a copy.
    case feedsLive
    /// A source leaves every third step out of what it feeds.
    case skipsAStep
}
