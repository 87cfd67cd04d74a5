/// The payload of the first frame that each side sends on a data link.
package struct LinkGreeting: Sendable, Equatable, Codable {
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

    package init(
        generation: UInt32, name: String, process: ProcessNumber, peerName: String, peerProcess: ProcessNumber,
        rail: Int = 0, renewal: Int = 0
    ) {
        self.generation = generation
        self.name = name
        self.process = process
        self.peerName = peerName
        self.peerProcess = peerProcess
        self.rail = rail
        self.renewal = renewal
    }

    /// Why this greeting, which a peer sent, opens no link between `own` and `peer` of `generation`; nil where it does.
    package func objection(own: Roster.Member, peer: Roster.Member, generation: UInt32) -> String? {
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
