package import LockstepCluster
import LockstepCore

/// What is left when a coordinator is killed: the journal, the metrics and the snapshots.
package struct SimulatedDisk {
    /// Whole records that are durable.
    package private(set) var journal: [JournalRecord] = []
    /// Steps that stand in the metrics, in order.
    package var reportedSteps: [UInt32] = []
    package private(set) var snapshots: [SimulatedState] = []
    /// Generations whose number, and whose roster, is durable.
    private(set) var generations: Set<UInt32> = []
    private(set) var rosters: [UInt32: Roster] = [:]
    private(set) var incarnation: UInt32 = 0

    package var history: JournalHistory { JournalRecord.replay(journal) }

    /// - Returns: what is wrong with the records.
    mutating func append(_ records: ArraySlice<JournalRecord>) -> String? {
        for record in records {
            journal.append(record)
            switch record {
            case .incarnation(let number):
                if number <= incarnation { return "incarnation \(number) was journaled after \(incarnation)" }
                incarnation = number
            case .generation(let number):
                if number <= generations.max() ?? 0 { return "generation \(number) was journaled twice or too late" }
                generations.insert(number)
            case .roster(let roster):
                if rosters[roster.generation] != nil { return "generation \(roster.generation) was decided twice" }
                if !generations.contains(roster.generation) { return "generation \(roster.generation) has no number" }
                rosters[roster.generation] = roster
            case .probe, .snapshot, .verdict, .final: break
            }
        }
        return nil
    }

    /// The last records were not on disk after all.
    mutating func forget(_ count: Int) {
        let kept = journal.dropLast(count)
        self = SimulatedDisk(reportedSteps: reportedSteps, snapshots: snapshots)
        _ = append(kept)
    }

    init(reportedSteps: [UInt32] = [], snapshots: [SimulatedState] = []) {
        self.reportedSteps = reportedSteps
        self.snapshots = snapshots
    }

    func incarnationIsUnknown(_ number: UInt32) -> Bool { number > incarnation }

    mutating func write(_ state: SimulatedState) {
        snapshots.removeAll { $0.step == state.step }
        snapshots.append(state)
    }
}
