package import LockstepCore

/// Who is a member of a generation, at which address, owning which lanes. Never changed once it has been sent.
package struct Roster: Sendable, Equatable, Codable {
    package struct Member: Sendable, Equatable, Codable {
        package let name: String
        package let process: ProcessNumber
        /// Where its data listener is.
        package let host: String
        package let port: Int
        package let lanes: Range<Int>

        package init(name: String, process: ProcessNumber, host: String, port: Int, lanes: Range<Int>) {
            self.name = name
            self.process = process
            self.host = host
            self.port = port
            self.lanes = lanes
        }
    }

    package let generation: UInt32
    package let members: [Member]
    /// n*: the generation starts from S(n*).
    package let startStep: UInt32
    /// The hash of S(n*).
    package let stateHash: StateHash
    /// The cuts between buckets of the flat gradient, in floats; none for one bucket.
    package let bucketBoundaries: [Int]

    package init(
        generation: UInt32, members: [Member], startStep: UInt32, stateHash: StateHash, bucketBoundaries: [Int]
    ) {
        self.generation = generation
        self.members = members
        self.startStep = startStep
        self.stateHash = stateHash
        self.bucketBoundaries = bucketBoundaries
    }

    /// The place of a member in roster order.
    package func index(of name: String) -> Int? { members.firstIndex { $0.name == name } }
}
