/// Which snapshots `prune` keeps. Whatever it says, the newest that verifies and is finite, the best, pinned ones,
/// damaged ones, and what is newer than the newest sound one stay.
package struct Retention: Sendable, Hashable {
    /// How many of the newest sound snapshots stay.
    package var keep: Int
    /// Steps that stay.
    package var pinned: [Int]

    package init(keep: Int, pinned: [Int] = []) {
        self.keep = keep
        self.pinned = pinned
    }
}
