package import LockstepCore

/// What a run's journal says about it.
package struct JournalHistory: Sendable, Equatable {
    package struct Snapshot: Sendable, Hashable {
        package let step: UInt32
        package let hash: StateHash
        /// The state digest.
        package let digest: Digest

        package init(step: UInt32, hash: StateHash, digest: Digest) {
            self.step = step
            self.hash = hash
            self.digest = digest
        }
    }

    /// 0 where there was none.
    package private(set) var greatestIncarnation: UInt32 = 0
    /// 0 where there was none.
    package private(set) var greatestGeneration: UInt32 = 0
    package private(set) var lastRoster: Roster?
    /// In order, of all incarnations; those that only measured among them.
    package private(set) var rosters: [Roster] = []
    /// nil before the first roster.
    package private(set) var probe: StateHash?
    /// All that were committed, in order of steps, each step once: the newest record of a step counts. Some may have been
    /// removed since.
    package private(set) var snapshots: [Snapshot] = []
    /// How the last attempt failed, where it did.
    package private(set) var lastVerdict: Verdict?
    /// The last state of a complete run.
    package private(set) var final: CoordinatorConfiguration.StartPoint?

    package init() {}

    /// Whether a generation began with an older state than the one before it: what was reported before is being redone.
    var hasFallenBack: Bool {
        let starts = rosters.filter { $0.wholeHash != nil }.map(\.start)
        return zip(starts, starts.dropFirst()).contains { $0 > $1 }
    }

    /// Whether the run is complete. There is nothing to resume then.
    package var isFinal: Bool { final != nil }

    mutating func add(_ record: JournalRecord) {
        switch record {
        case .incarnation(let number):
            greatestIncarnation = max(greatestIncarnation, number)
            lastVerdict = nil
        case .generation(let number):
            greatestGeneration = max(greatestGeneration, number)
        case .roster(let roster):
            greatestGeneration = max(greatestGeneration, roster.generation)
            lastRoster = roster
            rosters.append(roster)
        case .probe(let hash):
            probe = hash
        case .snapshot(let step, let hash, let digest):
            let snapshot = Snapshot(step: step, hash: hash, digest: digest)
            let place = snapshots.firstIndex { $0.step >= step } ?? snapshots.endIndex
            if place < snapshots.endIndex, snapshots[place].step == step {
                snapshots[place] = snapshot
            } else {
                snapshots.insert(snapshot, at: place)
            }
        case .verdict(let verdict):
            lastVerdict = verdict
        case .final(let step, let hash):
            final = CoordinatorConfiguration.StartPoint(step: step, hash: hash)
        }
    }
}
