/// What a worker says first on a data link to another.
package struct LinkOpening: Sendable, Hashable {
    /// The generation whose roster made it dial.
    package let generation: UInt32
    /// The dialling worker's name (the last part of its `PeerName`).
    package let from: String
    /// The number that the dialling process drew at its start.
    package let process: UInt64
    /// The name of the worker it means to reach.
    package let to: String

    package init(generation: UInt32, from: String, process: UInt64, to: String) {
        self.generation = generation
        self.from = from
        self.process = process
        self.to = to
    }
}
