/// A planned change: put this generation into the next control record. Whoever is to be a member of it may open its links
/// meanwhile, so that nobody waits for handshakes when it begins.
package struct PlannedChange: Sendable, Hashable, Codable {
    package var generation: UInt32
    /// Those that are likely to be its members, in roster order; none where the run stops. It decides nothing.
    package var members: [WorkerAddress]
    /// How many links each pair of them will have.
    package var links: Int
    /// How many times their usual length deadlines have, as in a roster.
    package var patience: Int

    package init(generation: UInt32, members: [WorkerAddress] = [], links: Int = 1, patience: Int = 1) {
        self.generation = generation
        self.members = members
        self.links = links
        self.patience = patience
    }
}
