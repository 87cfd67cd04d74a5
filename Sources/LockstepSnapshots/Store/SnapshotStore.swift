package import LockstepCore

/// The snapshots of a run directory (`docs/snapshots.md`).
///
/// All calls are synchronous. What writes needs the run directory's lock (`RunLock`): one writer at a time.
/// A snapshot exists whole or not at all, also after a loss of power; no failure harms those that exist.
package struct SnapshotStore: Sendable {
    package let run: RunDirectory
    let files: any FileLayer

    package init(run: RunDirectory, files: any FileLayer = SystemFiles()) {
        self.run = run
        self.files = files
    }

    /// The snapshots by increasing step, as far as their manifests say; the files these list are not read.
    ///
    /// - Throws: `failed` where the directory cannot be read.
    package func list() throws(CommandError) -> [SnapshotListing] {
        try steps().map { (step) throws(CommandError) in
            let path = run.snapshot(step: step)
            return SnapshotListing(step: step, path: path, manifest: try readManifest(path, step: step).map(\.manifest))
        }
    }

    /// The step of the best state: of the newest snapshot that was the best when it was written.
    package func best() throws(CommandError) -> Int? {
        try list().last { (try? $0.manifest.get())?.best != nil }?.step
    }

    /// The steps that have a snapshot, in increasing order.
    func steps() throws(CommandError) -> [Int] {
        try commandErrors { () throws(FileFault) in
            try names().compactMap { RunDirectory.step(ofSnapshotName: $0) }.sorted()
        }
    }

    /// The names in the directory of snapshots; none where it does not exist yet.
    func names() throws(FileFault) -> [String] {
        do {
            return try files.names(in: run.snapshots)
        } catch {
            guard error.isMissing else { throw error }
            return []
        }
    }

    /// A name in `directory` that nothing has yet, and that no reader takes for a snapshot.
    func temporaryPath(in directory: String, for name: String) -> String {
        let nonce = hexadecimalText((0..<8).map { _ in UInt8.random(in: 0...255) })
        return "\(directory)/.\(name)-\(nonce)"
    }

    func commandErrors<Result>(_ body: () throws(FileFault) -> Result) throws(CommandError) -> Result {
        do {
            return try body()
        } catch {
            throw error.commandError
        }
    }
}
