package import LockstepCore

/// Stand still, and say what you hold.
package struct Freeze: Sendable, Hashable, Codable {
    package var generation: UInt32
    /// Nanoseconds in which a lost link may be dialled once more before its peer counts as out of reach.
    package var reachLimit: UInt64

    package init(generation: UInt32, reachLimit: UInt64 = 500_000_000) {
        self.generation = generation
        self.reachLimit = reachLimit
    }
}

/// The worker stands still.
package struct Frozen: Sendable, Equatable, Codable {
    /// What all members said of a state in a control record that agreed.
    package struct Agreement: Sendable, Hashable, Codable {
        /// The state that was hashed. A judgement can restore other parameters, so the step alone does not name it.
        package var point: StatePoint
        package var hash: StateHash

        package init(point: StatePoint, hash: StateHash) {
            self.point = point
            self.hash = hash
        }
    }

    /// A control record in which hashes differed: nothing was applied.
    package struct Disagreement: Sendable, Hashable, Codable {
        package struct Voice: Sendable, Hashable, Codable {
            package var name: String
            package var process: ProcessNumber
            package var hash: StateHash

            package init(name: String, process: ProcessNumber, hash: StateHash) {
                self.name = name
                self.process = process
                self.hash = hash
            }
        }

        /// The state that was hashed.
        package var point: StatePoint
        /// In roster order.
        package var voices: [Voice]

        package init(point: StatePoint, voices: [Voice]) {
            self.point = point
            self.voices = voices
        }
    }

    package var generation: UInt32
    /// What it holds, hashed afresh; nil where that is not what it has told the others of the same step.
    package var holding: Holding?
    /// Whether the validation of the state is the best so far.
    package var isBest: Bool
    /// The newest record that agreed.
    package var agreed: Agreement?
    /// Of the running generation, where there was one.
    package var seen: Disagreement?
    /// The process whose feed made this state. It is no voice of its own for what it holds, until it has taken part in a turn.
    package var source: ProcessNumber?
    /// The generation of the feed whose copy this state goes back to; nil where it goes back to none.
    package var copied: UInt32?
    /// Members of its last roster whose link is lost and who could not be dialled again either.
    package var outOfReach: [String]

    package init(
        generation: UInt32, holding: Holding?, isBest: Bool = false, agreed: Agreement? = nil,
        seen: Disagreement? = nil, source: ProcessNumber? = nil, copied: UInt32? = nil,
        outOfReach: [String] = []
    ) {
        self.generation = generation
        self.holding = holding
        self.isBest = isBest
        self.agreed = agreed
        self.seen = seen
        self.source = source
        self.copied = copied
        self.outOfReach = outOfReach
    }
}
