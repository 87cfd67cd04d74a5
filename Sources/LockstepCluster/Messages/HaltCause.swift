package import LockstepCore

/// Why a turn's sums were not applied. Every worker of the generation sees the same cause in the same turn.
package enum HaltCause: Sendable, Equatable {
    /// The first lane whose loss is not finite.
    case lossNotFinite(lane: Int)
    /// All losses are finite, the summed gradient is not.
    case gradientNotFinite
    /// The replicas are not the same: who sent which state hash, in roster order.
    case hashesDiffer([MemberHash])
    /// The workers judged one validation differently: who sent what, in roster order.
    case judgementsDiffer([MemberJudgement])
    /// Two members computed the step's audited lane differently.
    case auditDiffers(LaneDifference)
    case other(String)

    package struct MemberHash: Sendable, Equatable, Codable {
        package let name: String
        package let hash: StateHash

        package init(name: String, hash: StateHash) {
            self.name = name
            self.hash = hash
        }
    }

    /// In JSON 16 hexadecimal digits.
    package struct MemberJudgement: Sendable, Equatable, Codable {
        package let name: String
        package let judgement: UInt64

        private enum CodingKeys: String, CodingKey { case name, judgement }

        package init(name: String, judgement: UInt64) {
            self.name = name
            self.judgement = judgement
        }

        package init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            name = try container.decode(String.self, forKey: .name)
            judgement = try container.decode(ProcessNumber.self, forKey: .judgement).rawValue
        }

        package func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(name, forKey: .name)
            try container.encode(ProcessNumber(judgement), forKey: .judgement)
        }
    }
}

extension HaltCause: Codable {
    private enum Kind: String, Codable {
        case lossNotFinite, gradientNotFinite, hashesDiffer, judgementsDiffer, auditDiffers, other
    }

    private enum Key: String, CodingKey {
        case kind, lane, hashes, judgements, text
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        switch try container.decode(Kind.self, forKey: .kind) {
        case .lossNotFinite: self = .lossNotFinite(lane: try container.decode(Int.self, forKey: .lane))
        case .gradientNotFinite: self = .gradientNotFinite
        case .hashesDiffer: self = .hashesDiffer(try container.decode([MemberHash].self, forKey: .hashes))
        case .judgementsDiffer:
            self = .judgementsDiffer(try container.decode([MemberJudgement].self, forKey: .judgements))
        case .auditDiffers: self = .auditDiffers(try LaneDifference(from: decoder))
        case .other: self = .other(try container.decode(String.self, forKey: .text))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        switch self {
        case .lossNotFinite(let lane):
            try container.encode(Kind.lossNotFinite, forKey: .kind)
            try container.encode(lane, forKey: .lane)
        case .gradientNotFinite:
            try container.encode(Kind.gradientNotFinite, forKey: .kind)
        case .hashesDiffer(let hashes):
            try container.encode(Kind.hashesDiffer, forKey: .kind)
            try container.encode(hashes, forKey: .hashes)
        case .judgementsDiffer(let judgements):
            try container.encode(Kind.judgementsDiffer, forKey: .kind)
            try container.encode(judgements, forKey: .judgements)
        case .auditDiffers(let difference):
            try container.encode(Kind.auditDiffers, forKey: .kind)
            try difference.encode(to: encoder)
        case .other(let text):
            try container.encode(Kind.other, forKey: .kind)
            try container.encode(text, forKey: .text)
        }
    }
}
