/// A failure that the run survived: one, however many errors it caused.
package struct Incident: Sendable, Equatable {
    /// Who, where, why.
    package let verdict: Verdict
    /// Nanoseconds of the coordinator's clock: the first sign of it, and when the generation after it began.
    package let noticedAt: UInt64
    package let resumedAt: UInt64
    /// The generation that goes on, with whom and from where.
    package let roster: Roster

    package init(verdict: Verdict, noticedAt: UInt64, resumedAt: UInt64, roster: Roster) {
        self.verdict = verdict
        self.noticedAt = noticedAt
        self.resumedAt = resumedAt
        self.roster = roster
    }

    /// One line for people: who, where, why, and what was done.
    package var message: String {
        let hundredths = (resumedAt - min(noticedAt, resumedAt)) / 10_000_000
        let fraction = hundredths % 100
        let seconds = "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction)"
        let count = roster.members.count
        return "\(verdict.message); \(count) \(count == 1 ? "worker goes" : "workers go") on from step "
            + "\(roster.start.step) after \(seconds) s"
    }
}
