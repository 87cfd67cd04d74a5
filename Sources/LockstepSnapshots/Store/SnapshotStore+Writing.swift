package import LockstepCore
internal import LockstepFormats

extension SnapshotStore {
    /// Writes `snapshots/step-N`: beside it first, then durably, then under its name. When this returns, the snapshot
    /// survives a loss of power. Where the same state lies there soundly, it stays; what is damaged is replaced.
    ///
    /// - Returns: the manifest of what lies there now.
    /// - Throws: `failed` with a line that names the file and the reason; then no snapshot of this step has come into
    ///   being, unless only making its name durable failed.
    @discardableResult
    package func write(_ contents: SnapshotContents) throws(CommandError) -> SnapshotManifest {
        try commandErrors { () throws(FileFault) in try files.makeDirectoryDurably(run.snapshots) }
        let step = contents.state.position.step
        let temporary = temporaryPath(in: run.snapshots, for: RunDirectory.snapshotName(step: step))
        do throws(CommandError) {
            let manifest = try write(contents, to: temporary)
            return try commit(temporary, manifest)
        } catch {
            discard(temporary)
            throw error
        }
    }

    /// Removes what dead writers left behind. A snapshot that was complete but not yet in its place is put there.
    /// Only for the holder of the run directory's lock. What cannot be removed harms nothing and is only said.
    ///
    /// - Returns: one line for each.
    /// - Throws: `failed` where the directory cannot be read.
    @discardableResult
    package func removeLeftovers() throws(CommandError) -> [String] {
        let leftovers = try commandErrors { () throws(FileFault) in try names() }
            .filter { $0.hasPrefix(".step-") }.sorted()
        var lines: [String] = []
        for name in leftovers {
            let path = run.snapshots + "/" + name
            do {
                if let step = step(ofTemporaryName: name), try !steps().contains(step),
                    try verify(path, step: step).isEmpty
                {
                    try place(path, step: step)
                    lines.append("recovered the snapshot of step \(step), which was complete but not in its place")
                } else {
                    try files.removeTree(path, first: SnapshotManifest.name)
                    lines.append("removed “\(path.escapedForDisplay())”, which an interrupted process left behind")
                }
            } catch {
                lines.append("could not clear away what an interrupted process left behind: \(error)")
            }
        }
        return lines
    }

    /// The step that `.step-00000200-0123456789abcdef` was to become.
    private func step(ofTemporaryName name: String) -> Int? {
        guard let dash = name.lastIndex(of: "-") else { return nil }
        return RunDirectory.step(ofSnapshotName: String(name[..<dash].dropFirst()))
    }

    /// Puts a complete directory under its name.
    ///
    /// - Parameter temporary: is gone when this returns.
    func commit(_ temporary: String, _ manifest: SnapshotManifest) throws(CommandError) -> SnapshotManifest {
        let target = run.snapshot(step: manifest.step)
        guard try steps().contains(manifest.step) else {
            try commandErrors { () throws(FileFault) in try place(temporary, step: manifest.step) }
            return manifest
        }
        if try verify(target, step: manifest.step).isEmpty,
            case .success(let (present, _)) = try readManifest(target, step: manifest.step)
        {
            guard present.stateDigest == manifest.stateDigest else {
                throw .failed(
                    "“\(target.escapedForDisplay())” already holds another state; move it away and try again")
            }
            if manifest.best == nil || manifest == present {
                // It may be there without being durable: an earlier attempt may have failed at just that.
                try commandErrors { () throws(FileFault) in try files.synchronizeDirectory(run.snapshots) }
                discard(temporary)
                return present
            }
        }
        // A crash between these leaves both complete beside the place; `removeLeftovers` then puts one there.
        let aside = temporaryPath(in: run.snapshots, for: RunDirectory.snapshotName(step: manifest.step))
        try commandErrors { () throws(FileFault) in
            try files.rename(target, to: aside)
            try place(temporary, step: manifest.step)
        }
        discard(aside)
        return manifest
    }

    /// Renames and makes the name durable.
    private func place(_ path: String, step: Int) throws(FileFault) {
        try files.rename(path, to: run.snapshot(step: step))
        try files.synchronizeDirectory(run.snapshots)
    }

    /// Removes what nobody needs any more, as far as the system lets; the rest goes at the next start.
    func discard(_ path: String) {
        try? files.removeTree(path, first: SnapshotManifest.name)
    }

    /// Writes `SHA256SUMS` and the manifest into a directory whose other files are durable already.
    func finish(_ directory: String, text: [UInt8], _ manifest: SnapshotManifest) throws(FileFault) {
        let sums = manifest.sums(text: text)
        let unfinished = directory + "/" + SnapshotManifest.unfinishedName
        for (path, bytes) in [(directory + "/" + SnapshotManifest.sumsName, sums), (unfinished, text)] {
            try files.create(path) { (write) throws(FileFault) in
                let result = bytes.withUnsafeBytes { buffer in
                    Result { () throws(FileFault) in try write(buffer) }
                }
                try result.get()
            }
        }
        try files.synchronizeDirectory(directory)
        try files.rename(unfinished, to: directory + "/" + SnapshotManifest.name)
        try files.synchronizeDirectory(directory)
    }

    private func write(_ contents: SnapshotContents, to directory: String) throws(CommandError) -> SnapshotManifest {
        try commandErrors { () throws(FileFault) in try files.makeDirectory(directory) }
        var written: [(file: SnapshotManifest.File, header: SafetensorsHeader)] = []
        for (name, tensors) in [
            (SnapshotManifest.parametersFile, contents.state.parameters),
            (SnapshotManifest.optimizerFile, contents.state.optimizer + contents.state.tail),
        ] {
            written.append(try write(Safetensors(tensors: tensors), name: name, to: directory))
        }
        let manifest = try SnapshotManifest(
            describing: contents, files: written.map(\.file), headers: written.map(\.header))
        let text = manifest.text
        do {
            // What the reader would refuse must not be written.
            _ = try SnapshotManifest(parsing: text)
        } catch {
            throw .failed("this state cannot be kept as a snapshot: \(error)")
        }
        try commandErrors { () throws(FileFault) in try finish(directory, text: text, manifest) }
        return manifest
    }

    private func write(
        _ contents: Safetensors, name: String, to directory: String
    ) throws(CommandError) -> (file: SnapshotManifest.File, header: SafetensorsHeader) {
        var digester = FileDigester()
        var header: [UInt8]?
        var flaw: CommandError?
        try commandErrors { () throws(FileFault) in
            try files.create(directory + "/" + name) { (write) throws(FileFault) in
                do {
                    try contents.write { bytes in
                        if header == nil { header = Array(bytes) }
                        digester.update(bytes)
                        try write(bytes)
                    }
                } catch let fault as FileFault {
                    throw fault
                } catch {
                    flaw = .failed("\(error)")
                }
            }
        }
        if let flaw { throw flaw }
        do {
            return (digester.finish(name: name), try SafetensorsHeader(parsing: header ?? []))
        } catch {
            throw .failed(error.description)
        }
    }
}
