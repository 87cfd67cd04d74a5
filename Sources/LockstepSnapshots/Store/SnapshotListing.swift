/// A snapshot in a run directory, as far as its manifest says.
package struct SnapshotListing: Sendable {
    package let step: Int
    package let path: String
    /// The manifest, or what is wrong with it. The files it lists are not read.
    package let manifest: Result<SnapshotManifest, SnapshotDamage>
}
