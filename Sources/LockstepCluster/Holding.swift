package import LockstepCore

/// A state that a process holds, by its hashes.
package struct Holding: Sendable, Hashable, Codable, CustomStringConvertible {
    package var point: StatePoint
    /// Over the parameters, as control records carry it.
    package var hash: StateHash
    /// Over all vectors of the state and the numbers beside them.
    package var wholeHash: StateHash

    package init(point: StatePoint, hash: StateHash, wholeHash: StateHash) {
        self.point = point
        self.hash = hash
        self.wholeHash = wholeHash
    }

    package var description: String { "\(point) with \(hash)" }

    /// Whether it is what a generation starts from.
    package func isStart(of roster: Roster) -> Bool {
        point == roster.start && hash == roster.stateHash && roster.wholeHash.map { $0 == wholeHash } ?? true
    }
}
