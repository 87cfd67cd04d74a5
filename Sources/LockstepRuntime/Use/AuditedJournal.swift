internal import LockstepCluster
internal import LockstepData

/// What an audit of samples takes from a run's journal.
struct AuditedJournal {
    /// The members of each generation that trained, in roster order.
    private let rosters: [UInt32: [SampleAudit.Member]]
    /// A step that the run is known to have done; 0 for none.
    let knownStep: Int

    init(_ records: [JournalRecord]) {
        var rosters: [UInt32: [SampleAudit.Member]] = [:]
        var knownStep: UInt32 = 0
        for record in records {
            switch record {
            case .incarnation:
                // It may have gone back to a snapshot and cut off the reports of later steps.
                knownStep = 0
            case .roster(let roster):
                rosters[roster.generation] = roster.members.map { SampleAudit.Member(name: $0.name, lanes: $0.lanes) }
                knownStep = roster.startStep
            case .snapshot(let step, _, _):
                knownStep = max(knownStep, step)
            case .final(let step, _):
                knownStep = step
            case .generation, .probe, .verdict:
                break
            }
        }
        self.rosters = rosters
        self.knownStep = Int(knownStep)
    }

    func members(of generation: UInt32) -> [SampleAudit.Member]? { rosters[generation] }
}
