internal import LockstepCluster

/// Which links of a generation are there. A member is linked when it is on all rails.
struct LinkedGeneration {
    let roster: Roster
    let own: Int
    let railCount: Int
    /// For each member, on how many rails it is linked.
    private var counts: [Int]

    init(_ roster: Roster, own: Int, railCount: Int) {
        self.roster = roster
        self.own = own
        self.railCount = railCount
        counts = Array(repeating: 0, count: roster.members.count)
    }

    /// What the core hears of something that has happened on a rail; nil where that is nothing (yet).
    mutating func handle(_ event: Rail.Event) -> WorkerEvent? {
        switch event {
        case .linked(let member, let generation):
            guard generation == roster.generation, counts.indices.contains(member) else { return nil }
            counts[member] += 1
            return counts[member] == railCount
                ? .linked(peer: roster.members[member].name, generation: generation) : nil
        case .lost(let member, let generation, let reason):
            guard generation == roster.generation, counts.indices.contains(member) else { return nil }
            return .linkLost(peer: roster.members[member].name, generation: generation, reason: reason)
        case .renew, .staged:
            return nil
        }
    }
}
