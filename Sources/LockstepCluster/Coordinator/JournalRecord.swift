package import LockstepCore

/// What the coordinator decided, in order. What is in it was decided before anyone was told.
package enum JournalRecord: Sendable, Equatable {
    /// A coordinator took the run over.
    case incarnation(UInt32)
    case generation(UInt32)
    case roster(Roster)
    /// What every worker's first lane gives; before the first roster of the run.
    case probe(StateHash)
    /// A snapshot is committed.
    ///
    /// - digest: its state digest.
    case snapshot(step: UInt32, hash: StateHash, digest: Digest)
    /// Why this incarnation's attempt failed. The run can be resumed.
    case verdict(Verdict)
    /// The run is complete: nothing is left to do.
    case final(step: UInt32, hash: StateHash)

    /// What the records of all incarnations, in order, say together.
    package static func replay(_ records: [JournalRecord]) -> JournalHistory {
        var history = JournalHistory()
        for record in records { history.add(record) }
        return history
    }
}

extension JournalRecord: Codable {
    private enum Kind: String, Codable {
        case incarnation, generation, roster, probe, snapshot, verdict, final
    }

    private enum Key: String, CodingKey {
        case kind, number, roster, step, hash, digest, verdict
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        func number() throws -> UInt32 { try container.decode(UInt32.self, forKey: .number) }
        func step() throws -> UInt32 { try container.decode(UInt32.self, forKey: .step) }
        func hash() throws -> StateHash { try container.decode(StateHash.self, forKey: .hash) }
        switch try container.decode(Kind.self, forKey: .kind) {
        case .incarnation: self = .incarnation(try number())
        case .generation: self = .generation(try number())
        case .roster: self = .roster(try container.decode(Roster.self, forKey: .roster))
        case .probe: self = .probe(try hash())
        case .snapshot:
            self = .snapshot(
                step: try step(), hash: try hash(), digest: try container.decode(Digest.self, forKey: .digest))
        case .verdict: self = .verdict(try container.decode(Verdict.self, forKey: .verdict))
        case .final: self = .final(step: try step(), hash: try hash())
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        switch self {
        case .incarnation(let number):
            try container.encode(Kind.incarnation, forKey: .kind)
            try container.encode(number, forKey: .number)
        case .generation(let number):
            try container.encode(Kind.generation, forKey: .kind)
            try container.encode(number, forKey: .number)
        case .roster(let roster):
            try container.encode(Kind.roster, forKey: .kind)
            try container.encode(roster, forKey: .roster)
        case .probe(let hash):
            try container.encode(Kind.probe, forKey: .kind)
            try container.encode(hash, forKey: .hash)
        case .snapshot(let step, let hash, let digest):
            try container.encode(Kind.snapshot, forKey: .kind)
            try container.encode(step, forKey: .step)
            try container.encode(hash, forKey: .hash)
            try container.encode(digest, forKey: .digest)
        case .verdict(let verdict):
            try container.encode(Kind.verdict, forKey: .kind)
            try container.encode(verdict, forKey: .verdict)
        case .final(let step, let hash):
            try container.encode(Kind.final, forKey: .kind)
            try container.encode(step, forKey: .step)
            try container.encode(hash, forKey: .hash)
        }
    }
}
