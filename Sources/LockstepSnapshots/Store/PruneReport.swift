/// What `prune` did.
package struct PruneReport: Sendable, Equatable {
    /// Steps whose snapshots are gone, in increasing order.
    package var removed: [Int]
    /// Snapshots that are damaged and were left for a person to judge, in increasing order.
    package var damaged: [Int]
    /// One line for each snapshot that could not be removed, or not wholly.
    package var failures: [String]

    package init(removed: [Int] = [], damaged: [Int] = [], failures: [String] = []) {
        self.removed = removed
        self.damaged = damaged
        self.failures = failures
    }
}
