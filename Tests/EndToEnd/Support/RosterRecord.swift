import LockstepFormats
import LockstepSnapshots

/// A generation as the journal has it.
struct RosterRecord: Sendable, Equatable {
    let generation: Int
    let startStep: Int
    /// Who computes, in roster order.
    let members: [String]
    /// Those of them that held the state; the others copied it before their first step.
    let holders: [String]

    /// nil where the record is no roster of a generation that trained.
    init?(_ record: JSONValue) {
        guard record["kind"]?.string == "roster", let roster = record["roster"], roster["wholeHash"]?.string != nil,
            let generation = roster["generation"]?.int, let startStep = roster["startStep"]?.int
        else { return nil }
        self.generation = generation
        self.startStep = startStep
        members = (roster["members"]?.array ?? []).compactMap { $0["name"]?.string }
        holders = roster["holders"]?.array?.compactMap(\.string) ?? members
    }
}

extension TestDirectory {
    /// The generations that trained, in the order in which they were decided.
    func rosters(of run: String = "run") throws -> [RosterRecord] {
        try JournalFile.read(self["\(run)/journal"]).compactMap { RosterRecord(try JSONValue(parsing: $0)) }
    }

    /// What `lockstep status` says of a worker: `member`, `observer`, `spare`, `waiting`; nil where it is not there.
    func role(of worker: String, run: String = "run") async throws -> String? {
        try await status(of: run)["workers"]?.array?.first { $0["name"]?.string == worker }?["role"]?.string
    }
}
