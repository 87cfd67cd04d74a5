package import LockstepCollectives
package import LockstepCore

/// Who is a member of a generation, at which address, owning which lanes, and how gradients travel. Never changed once it
/// has been sent.
package struct Roster: Sendable, Equatable {
    package struct Member: Sendable, Equatable {
        package let name: String
        package let process: ProcessNumber
        package let host: String
        /// Where its data listeners are: one for each rail that it offers.
        package let ports: [Int]
        package let lanes: Range<Int>

        package init(name: String, process: ProcessNumber, host: String, ports: [Int], lanes: Range<Int>) {
            self.name = name
            self.process = process
            self.host = host
            self.ports = ports
            self.lanes = lanes
        }
    }

    package let generation: UInt32
    package let members: [Member]
    /// n*: the generation starts from this state.
    package let start: StatePoint
    /// The hash of S(n*).
    package let stateHash: StateHash
    /// Over all of S(n*); nil before the first generation that trains, where every member has made the state itself.
    package let wholeHash: StateHash?
    /// The members that hold S(n*), in roster order. The others copy it from them; where there is none, all take it from the
    /// coordinator, or make it from the seed where n* is 0.
    package let holders: [String]
    /// Processes whose state proved to be another than the run's. They hold nothing until they have levelled in a later
    /// generation.
    package let distrusted: [ProcessNumber]
    /// Deadlines of this generation are so many times their usual length: 1 to 64.
    package let patience: Int
    /// Certificates that nobody accepts any more, as `DenyList` of the wire writes them.
    package let denied: [String]
    /// In a generation that measures, `links` are those that are made; a trial uses some of them.
    package let exchange: ExchangeSettings
    /// In every step whose number is a multiple of this a lane is computed twice (`LaneAudit`); 0 for never. In the roster, so
    /// that all members know the same.
    package let auditEverySteps: UInt32

    /// - Parameter holders: nil for all members.
    package init(
        generation: UInt32, members: [Member], start: StatePoint, stateHash: StateHash, wholeHash: StateHash? = nil,
        holders: [String]? = nil, distrusted: [ProcessNumber] = [], patience: Int = 1, denied: [String] = [],
        exchange: ExchangeSettings, auditEverySteps: UInt32 = 0
    ) {
        self.generation = generation
        self.members = members
        self.start = start
        self.stateHash = stateHash
        self.wholeHash = wholeHash
        self.holders = holders ?? members.map(\.name)
        self.distrusted = distrusted
        self.patience = patience
        self.denied = denied
        self.exchange = exchange
        self.auditEverySteps = auditEverySteps
    }

    /// A generation that starts from a state which needs no validation any more, and which all members hold.
    package init(
        generation: UInt32, members: [Member], startStep: UInt32, stateHash: StateHash, exchange: ExchangeSettings
    ) {
        self.init(
            generation: generation, members: members, start: StatePoint(step: startStep), stateHash: stateHash,
            exchange: exchange)
    }

    /// The greatest `patience`.
    package static let mostPatience = 64

    package var startStep: UInt32 { start.step }

    /// The place of a member in roster order.
    package func index(of name: String) -> Int? { members.firstIndex { $0.name == name } }
}

extension Roster: Codable {
    private enum Key: String, CodingKey {
        case generation, members, startStep, isJudged, stateHash, wholeHash, holders, distrusted, patience, denied,
            exchange, auditEverySteps
        /// In journals of versions that had one link a pair.
        case bucketBoundaries
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        generation = try container.decode(UInt32.self, forKey: .generation)
        members = try container.decode([Member].self, forKey: .members)
        // Journals of versions whose generations never changed lack what follows the hash.
        start = StatePoint(
            step: try container.decode(UInt32.self, forKey: .startStep),
            isJudged: try container.decodeIfPresent(Bool.self, forKey: .isJudged) ?? true)
        stateHash = try container.decode(StateHash.self, forKey: .stateHash)
        wholeHash = try container.decodeIfPresent(StateHash.self, forKey: .wholeHash)
        holders = try container.decodeIfPresent([String].self, forKey: .holders) ?? members.map(\.name)
        distrusted = try container.decodeIfPresent([ProcessNumber].self, forKey: .distrusted) ?? []
        patience = try container.decodeIfPresent(Int.self, forKey: .patience) ?? 1
        denied = try container.decodeIfPresent([String].self, forKey: .denied) ?? []
        auditEverySteps = try container.decodeIfPresent(UInt32.self, forKey: .auditEverySteps) ?? 0
        if let boundaries = try container.decodeIfPresent([Int].self, forKey: .bucketBoundaries) {
            exchange = ExchangeSettings(bucketBoundaries: boundaries)
        } else {
            exchange = try container.decode(ExchangeSettings.self, forKey: .exchange)
        }
        guard (1...ExchangeSettings.mostLinks).contains(exchange.links) else {
            throw DecodingError.dataCorruptedError(
                forKey: .exchange, in: container, debugDescription: "\(exchange.links) links")
        }
        guard (1...Roster.mostPatience).contains(patience) else {
            throw DecodingError.dataCorruptedError(
                forKey: .patience, in: container, debugDescription: "a patience of \(patience)")
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(generation, forKey: .generation)
        try container.encode(members, forKey: .members)
        try container.encode(start.step, forKey: .startStep)
        try container.encode(start.isJudged, forKey: .isJudged)
        try container.encode(stateHash, forKey: .stateHash)
        try container.encodeIfPresent(wholeHash, forKey: .wholeHash)
        try container.encode(holders, forKey: .holders)
        try container.encode(distrusted, forKey: .distrusted)
        try container.encode(patience, forKey: .patience)
        if !denied.isEmpty { try container.encode(denied, forKey: .denied) }
        try container.encode(exchange, forKey: .exchange)
        if auditEverySteps > 0 { try container.encode(auditEverySteps, forKey: .auditEverySteps) }
    }
}

extension Roster.Member: Codable {
    /// Of a roster that came from outside.
    private static let mostLanes = 1 << 20

    private enum Key: String, CodingKey {
        case name, process, host, ports, lanes
        /// In journals of versions that had one link a pair.
        case port
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        name = try container.decode(String.self, forKey: .name)
        process = try container.decode(ProcessNumber.self, forKey: .process)
        host = try container.decode(String.self, forKey: .host)
        if let port = try container.decodeIfPresent(Int.self, forKey: .port) {
            ports = [port]
        } else {
            ports = try container.decode([Int].self, forKey: .ports)
        }
        lanes = try container.decode(Range<Int>.self, forKey: .lanes)
        guard ports.allSatisfy((1...65_535).contains) else {
            throw DecodingError.dataCorruptedError(forKey: .ports, in: container, debugDescription: "ports \(ports)")
        }
        guard lanes.lowerBound >= 0, lanes.upperBound <= Self.mostLanes else {
            throw DecodingError.dataCorruptedError(forKey: .lanes, in: container, debugDescription: "lanes \(lanes)")
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(name, forKey: .name)
        try container.encode(process, forKey: .process)
        try container.encode(host, forKey: .host)
        try container.encode(ports, forKey: .ports)
        try container.encode(lanes, forKey: .lanes)
    }
}
