internal import LockstepCore

/// In JSON an object with an `"item"` and the payload's keys. Floating-point numbers are their bits, 16 hexadecimal digits:
/// they become part of a state. Reports are as in messages.
extension FeedItem: Codable {
    private enum Kind: String, Codable {
        case reports, state, step, judgement, still, begins, gap
    }

    private enum Key: String, CodingKey {
        case item, generation, steps, evaluations, point, promised, stateHash, wholeHash, step, totals, sampleHashes,
            seconds, sums, watchHash
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        func bits(_ text: String, _ key: Key) throws -> UInt64 {
            guard let bits = UInt64(sixteenDigits: text) else {
                throw DecodingError.dataCorruptedError(
                    forKey: key, in: container, debugDescription: "not 16 hexadecimal digits")
            }
            return bits
        }
        func words(_ key: Key) throws -> [UInt64] {
            try container.decode([String].self, forKey: key).map { try bits($0, key) }
        }
        func numbers(_ key: Key) throws -> [Double] { try words(key).map { Double(bitPattern: $0) } }
        func point() throws -> StatePoint { try container.decode(StatePoint.self, forKey: .point) }
        func step() throws -> UInt32 { try container.decode(UInt32.self, forKey: .step) }
        generation = try container.decode(UInt32.self, forKey: .generation)
        switch try container.decode(Kind.self, forKey: .item) {
        case .reports:
            content = .reports(
                steps: try container.decode([StepReport].self, forKey: .steps),
                evaluations: try container.decode([EvaluationReport].self, forKey: .evaluations))
        case .state: content = .state(try point())
        case .step:
            content = .step(
                FedStep(
                    step: try step(), totals: try numbers(.totals), sampleHashes: try words(.sampleHashes),
                    stateHash: try container.decodeIfPresent(StateHash.self, forKey: .stateHash),
                    seconds: try container.decode(Double.self, forKey: .seconds)))
        case .judgement:
            content = .judgement(
                FedJudgement(
                    step: try step(), sums: try numbers(.sums),
                    watchHash: try bits(try container.decode(String.self, forKey: .watchHash), .watchHash)))
        case .still: content = .still(promised: try container.decode(UInt32.self, forKey: .promised), try point())
        case .begins:
            content = .begins(
                start: try point(), stateHash: try container.decode(StateHash.self, forKey: .stateHash),
                wholeHash: try container.decodeIfPresent(StateHash.self, forKey: .wholeHash))
        case .gap: content = .gap
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        func digits(_ numbers: [Double]) -> [String] { numbers.map(\.bitPattern.sixteenDigits) }
        try container.encode(generation, forKey: .generation)
        switch content {
        case .reports(let steps, let evaluations):
            try container.encode(Kind.reports, forKey: .item)
            try container.encode(steps, forKey: .steps)
            try container.encode(evaluations, forKey: .evaluations)
        case .state(let point):
            try container.encode(Kind.state, forKey: .item)
            try container.encode(point, forKey: .point)
        case .step(let fed):
            try container.encode(Kind.step, forKey: .item)
            try container.encode(fed.step, forKey: .step)
            try container.encode(digits(fed.totals), forKey: .totals)
            try container.encode(fed.sampleHashes.map(\.sixteenDigits), forKey: .sampleHashes)
            try container.encodeIfPresent(fed.stateHash, forKey: .stateHash)
            try container.encode(fed.seconds, forKey: .seconds)
        case .judgement(let fed):
            try container.encode(Kind.judgement, forKey: .item)
            try container.encode(fed.step, forKey: .step)
            try container.encode(digits(fed.sums), forKey: .sums)
            try container.encode(fed.watchHash.sixteenDigits, forKey: .watchHash)
        case .still(let promised, let point):
            try container.encode(Kind.still, forKey: .item)
            try container.encode(promised, forKey: .promised)
            try container.encode(point, forKey: .point)
        case .begins(let start, let stateHash, let wholeHash):
            try container.encode(Kind.begins, forKey: .item)
            try container.encode(start, forKey: .point)
            try container.encode(stateHash, forKey: .stateHash)
            try container.encodeIfPresent(wholeHash, forKey: .wholeHash)
        case .gap: try container.encode(Kind.gap, forKey: .item)
        }
    }
}
