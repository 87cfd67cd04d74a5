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
    /// n*: the generation starts from S(n*).
    package let startStep: UInt32
    /// The hash of S(n*).
    package let stateHash: StateHash
    /// In a generation that measures, `links` are those that are made; a trial uses some of them.
    package let exchange: ExchangeSettings

    package init(
        generation: UInt32, members: [Member], startStep: UInt32, stateHash: StateHash, exchange: ExchangeSettings
    ) {
        self.generation = generation
        self.members = members
        self.startStep = startStep
        self.stateHash = stateHash
        self.exchange = exchange
    }

    /// The place of a member in roster order.
    package func index(of name: String) -> Int? { members.firstIndex { $0.name == name } }
}

extension Roster: Codable {
    private enum Key: String, CodingKey {
        case generation, members, startStep, stateHash, exchange
        /// In journals of versions that had one link a pair.
        case bucketBoundaries
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        generation = try container.decode(UInt32.self, forKey: .generation)
        members = try container.decode([Member].self, forKey: .members)
        startStep = try container.decode(UInt32.self, forKey: .startStep)
        stateHash = try container.decode(StateHash.self, forKey: .stateHash)
        if let boundaries = try container.decodeIfPresent([Int].self, forKey: .bucketBoundaries) {
            exchange = ExchangeSettings(bucketBoundaries: boundaries)
        } else {
            exchange = try container.decode(ExchangeSettings.self, forKey: .exchange)
        }
        guard (1...ExchangeSettings.mostLinks).contains(exchange.links) else {
            throw DecodingError.dataCorruptedError(
                forKey: .exchange, in: container, debugDescription: "\(exchange.links) links")
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(generation, forKey: .generation)
        try container.encode(members, forKey: .members)
        try container.encode(startStep, forKey: .startStep)
        try container.encode(stateHash, forKey: .stateHash)
        try container.encode(exchange, forKey: .exchange)
    }
}

extension Roster.Member: Codable {
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
