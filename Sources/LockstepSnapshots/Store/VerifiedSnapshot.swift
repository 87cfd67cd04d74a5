/// What `newestVerified` found.
package struct VerifiedSnapshot: Sendable {
    /// Nil where no snapshot is sound and finite.
    package let snapshot: Snapshot?
    /// Newer ones that were not taken, newest first.
    package let passedOver: [PassedOver]

    package struct PassedOver: Sendable, Equatable {
        package let step: Int
        /// One line.
        package let reason: String
    }
}
