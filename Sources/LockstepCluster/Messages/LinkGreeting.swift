/// The payload of the first frame that each side sends on a data link.
package struct LinkGreeting: Sendable, Equatable {
    package var generation: UInt32
    package var name: String
    package var process: ProcessNumber
    /// Whom the sender wants to reach: a wrong address in a roster is found here.
    package var peerName: String
    package var peerProcess: ProcessNumber
    /// The number of the link among those of the pair.
    package var rail: Int
    /// 0 for the first link of a rail; each one that replaces it has the next number.
    package var renewal: Int
    /// Whether the sender only asks if it can reach its peer: after the answer the connection closes.
    package var isProbe: Bool
    /// Whether the sender feeds its peer over this link, which is then of no rail and of no roster.
    package var isFeed: Bool

    package init(
        generation: UInt32, name: String, process: ProcessNumber, peerName: String, peerProcess: ProcessNumber,
        rail: Int = 0, renewal: Int = 0, isProbe: Bool = false, isFeed: Bool = false
    ) {
        self.generation = generation
        self.name = name
        self.process = process
        self.peerName = peerName
        self.peerProcess = peerProcess
        self.rail = rail
        self.renewal = renewal
        self.isProbe = isProbe
        self.isFeed = isFeed
    }

    /// Why this greeting, which a peer sent, opens no link between `own` and `peer` of `generation`; nil where it does.
    package func objection(own: WorkerAddress, peer: WorkerAddress, generation: UInt32) -> String? {
        if self.generation != generation {
            return "the link is of generation \(self.generation), not \(generation)"
        }
        guard name == peer.name, process == peer.process else {
            return "the link comes from another process than the roster's \(peer.name)"
        }
        guard peerName == own.name, peerProcess == own.process else {
            return "the link of \(peer.name) was meant for another process than this \(own.name)"
        }
        return nil
    }
}

extension LinkGreeting: Codable {
    private enum Key: String, CodingKey {
        case generation, name, process, peerName, peerProcess, rail, renewal, isProbe, isFeed
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        generation = try container.decode(UInt32.self, forKey: .generation)
        name = try container.decode(String.self, forKey: .name)
        process = try container.decode(ProcessNumber.self, forKey: .process)
        peerName = try container.decode(String.self, forKey: .peerName)
        peerProcess = try container.decode(ProcessNumber.self, forKey: .peerProcess)
        rail = try container.decode(Int.self, forKey: .rail)
        renewal = try container.decode(Int.self, forKey: .renewal)
        isProbe = try container.decodeIfPresent(Bool.self, forKey: .isProbe) ?? false
        isFeed = try container.decodeIfPresent(Bool.self, forKey: .isFeed) ?? false
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(generation, forKey: .generation)
        try container.encode(name, forKey: .name)
        try container.encode(process, forKey: .process)
        try container.encode(peerName, forKey: .peerName)
        try container.encode(peerProcess, forKey: .peerProcess)
        try container.encode(rail, forKey: .rail)
        try container.encode(renewal, forKey: .renewal)
        // A rail's greeting is what it was before there were others.
        if isProbe { try container.encode(isProbe, forKey: .isProbe) }
        if isFeed { try container.encode(isFeed, forKey: .isFeed) }
    }
}
