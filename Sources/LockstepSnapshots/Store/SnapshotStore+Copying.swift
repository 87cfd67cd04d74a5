package import LockstepCore

extension SnapshotStore {
    /// Copies a snapshot, verified before and while it is copied, to a directory that does not exist yet.
    ///
    /// - Throws: `verification` where it is damaged, `usage` where there is none of that step or `path` exists.
    @discardableResult
    package func export(step: Int, to path: String) throws(CommandError) -> SnapshotManifest {
        let directory = files.parent(of: path)
        let name = String(path.split(separator: "/").last ?? "snapshot")
        guard try commandErrors({ () throws(FileFault) in try !files.has(name, in: directory) }) else {
            throw .usage("“\(path.escapedForDisplay())” exists; name another directory")
        }
        try checkSound(run.snapshot(step: step), try verify(step: step))
        let temporary = temporaryPath(in: directory, for: name)
        do throws(CommandError) {
            let manifest = try copy(run.snapshot(step: step), step: step, to: temporary)
            try commandErrors { () throws(FileFault) in
                try files.rename(temporary, to: path)
                try files.synchronizeDirectory(directory)
            }
            return manifest
        } catch {
            discard(temporary)
            throw error
        }
    }

    /// Copies an exported snapshot into this run directory, verified before and while it is copied.
    ///
    /// - Parameters:
    ///   - path: the directory that holds `manifest.json`.
    ///   - jobDigest: a snapshot of another job is refused; nil takes any.
    /// - Throws: `verification` where it is damaged, `usage` where it is of another job, `failed` where this step is
    ///   taken by another state.
    @discardableResult
    package func importSnapshot(from path: String, jobDigest: Digest? = nil) throws(CommandError) -> SnapshotManifest {
        try checkSound(path, try verify(path, step: nil))
        try commandErrors { () throws(FileFault) in try files.makeDirectoryDurably(run.snapshots) }
        let temporary = temporaryPath(in: run.snapshots, for: "step-import")
        do throws(CommandError) {
            let manifest = try copy(path, step: nil, to: temporary)
            if let jobDigest, manifest.origin.jobDigest != jobDigest {
                throw CommandError.usage(
                    "“\(path.escapedForDisplay())” is a snapshot of another job, "
                        + "“\(manifest.origin.job.escapedForDisplay(limit: 60))”; import it into a run of that job")
            }
            return try commit(temporary, manifest)
        } catch {
            discard(temporary)
            throw error
        }
    }

    private func checkSound(_ path: String, _ damages: [SnapshotDamage]) throws(CommandError) {
        guard let damage = damages.first else { return }
        throw CommandError(.verification, "“\(path.escapedForDisplay())” is damaged: \(damage)")
    }

    /// Copies a snapshot's files into a new directory. What is copied is compared with the manifest on the way.
    private func copy(_ path: String, step: Int?, to target: String) throws(CommandError) -> SnapshotManifest {
        let (manifest, text): (SnapshotManifest, [UInt8])
        switch try readManifest(path, step: step) {
        case .failure(let damage): throw CommandError(.verification, "“\(path.escapedForDisplay())”: \(damage)")
        case .success(let found): (manifest, text) = found
        }
        let source = StoredFiles(directory: path, files: files)
        try commandErrors { () throws(FileFault) in try files.makeDirectory(target) }
        for file in manifest.files {
            var digester = FileDigester()
            try commandErrors { () throws(FileFault) in
                try files.create(target + "/" + file.name) { (write) throws(FileFault) in
                    try source.read(file.name, 0..<file.size) { (bytes) throws(FileFault) in
                        digester.update(bytes)
                        try write(bytes)
                    }
                }
            }
            guard digester.finish(name: file.name) == file else {
                throw CommandError(
                    .verification, "“\(path.escapedForDisplay())/\(file.name)” changed while it was copied; try again")
            }
        }
        try commandErrors { () throws(FileFault) in try finish(target, text: text, manifest) }
        return manifest
    }
}
