package import LockstepCore
internal import LockstepFormats

extension SnapshotStore {
    /// Reads a snapshot. Nothing is given out before every byte of it has been verified.
    ///
    /// - Throws: `verification` where it is damaged, `usage` where there is none of that step, `failed` where the
    ///   system refuses to read it.
    package func load(step: Int) throws(CommandError) -> Snapshot {
        try checkExists(step)
        switch try read(run.snapshot(step: step), step: step) {
        case .success(let snapshot): return snapshot
        case .failure(let damage):
            throw CommandError(
                .verification,
                "“\(run.snapshot(step: step).escapedForDisplay())” is damaged: \(damage); take another snapshot")
        }
    }

    /// Everything that is wrong with a snapshot; empty where it is sound. Memory does not grow with its size.
    ///
    /// - Throws: `usage` where there is none of that step, `failed` where the system refuses to read it.
    package func verify(step: Int) throws(CommandError) -> [SnapshotDamage] {
        try checkExists(step)
        return try verify(run.snapshot(step: step), step: step)
    }

    /// Loads the newest snapshot that is sound and finite, and says which newer ones it passed over.
    ///
    /// - Parameter jobDigest: a snapshot of another job is passed over; nil takes any.
    /// - Throws: `failed` where the system refuses to read: that says nothing about a snapshot, so none is passed over.
    package func newestVerified(jobDigest: Digest? = nil) throws(CommandError) -> VerifiedSnapshot {
        var passedOver: [VerifiedSnapshot.PassedOver] = []
        for step in try steps().reversed() {
            switch try read(run.snapshot(step: step), step: step) {
            case .failure(let damage):
                passedOver.append(.init(step: step, reason: "it is damaged: \(damage)"))
            case .success(let snapshot) where !snapshot.manifest.isFinite:
                passedOver.append(.init(step: step, reason: "its state is not finite"))
            case .success(let snapshot) where jobDigest.map { $0 != snapshot.manifest.origin.jobDigest } ?? false:
                passedOver.append(.init(step: step, reason: "it belongs to another job"))
            case .success(let snapshot): return VerifiedSnapshot(snapshot: snapshot, passedOver: passedOver)
            }
        }
        return VerifiedSnapshot(snapshot: nil, passedOver: passedOver)
    }

    private func checkExists(_ step: Int) throws(CommandError) {
        guard try steps().contains(step) else {
            throw .usage(
                "“\(run.snapshots.escapedForDisplay())” has no snapshot of step \(step); "
                    + "`lockstep snapshot list` shows those it has")
        }
    }

    /// The bytes and the meaning of a directory's manifest, once `SHA256SUMS` and the step agree with it.
    ///
    /// - Parameter step: what the directory's name says; nil outside a run directory.
    func readManifest(
        _ path: String, step: Int?
    ) throws(CommandError) -> Result<(manifest: SnapshotManifest, text: [UInt8]), SnapshotDamage> {
        let text: [UInt8]
        switch try contents(SnapshotManifest.name, in: path) {
        case .success(let bytes): text = bytes
        case .failure(let damage): return .failure(damage)
        }
        let manifest: SnapshotManifest
        do {
            manifest = try SnapshotManifest(parsing: text)
        } catch {
            return .failure(error)
        }
        if let step, manifest.step != step {
            return .failure(
                SnapshotDamage(
                    file: SnapshotManifest.name, what: "is that of step \(manifest.step), but lies at step \(step)"))
        }
        switch try contents(SnapshotManifest.sumsName, in: path) {
        case .failure(let damage): return .failure(damage)
        case .success(let sums) where sums != manifest.sums(text: text):
            return .failure(
                SnapshotDamage(
                    file: SnapshotManifest.sumsName, byteRange: 0..<sums.count,
                    what: "does not say what the manifest says"
                ))
        case .success: return .success((manifest, text))
        }
    }

    func verify(_ path: String, step: Int?) throws(CommandError) -> [SnapshotDamage] {
        switch try readManifest(path, step: step) {
        case .failure(let damage): return [damage]
        case .success(let (manifest, _)):
            let source = StoredFiles(directory: path, files: files)
            return try commandErrors { () throws(FileFault) in
                try SnapshotVerifier(manifest: manifest, source: source).damages()
            }
        }
    }

    /// A whole small file.
    private func contents(_ name: String, in path: String) throws(CommandError) -> Result<[UInt8], SnapshotDamage> {
        do {
            guard let bytes = try files.contents(of: path + "/" + name, limit: SnapshotManifest.maximumBytes) else {
                return .failure(SnapshotDamage(file: name, what: "longer than 16 MiB"))
            }
            return .success(bytes)
        } catch {
            guard error.isDamage else { throw error.commandError }
            return .failure(
                SnapshotDamage(file: name, what: error.isMissing ? "missing" : "cannot be read: \(error.reason)"))
        }
    }

    /// A snapshot's files are read once; what is verified is what is given out.
    private func read(_ path: String, step: Int) throws(CommandError) -> Result<Snapshot, SnapshotDamage> {
        let manifest: SnapshotManifest
        switch try readManifest(path, step: step) {
        case .failure(let damage): return .failure(damage)
        case .success(let (found, _)): manifest = found
        }
        var contents: [(name: String, bytes: [UInt8])] = []
        for file in manifest.files {
            let filePath = path + "/" + file.name
            do throws(FileFault) {
                let bytes = try files.reading(filePath) { (handle, size) throws(FileFault) -> [UInt8]? in
                    guard size == file.size else { return nil }
                    return try files.contents(handle, at: 0, count: size, filePath)
                }
                if let bytes { contents.append((file.name, bytes)) }
            } catch {
                guard error.isDamage else { throw error.commandError }
            }
        }
        // What could not be read whole is looked at where it lies: that says what is wrong with it.
        let source: any SnapshotSource =
            contents.count == manifest.files.count
            ? LoadedFiles(contents: contents) : StoredFiles(directory: path, files: files)
        let damages = try commandErrors { () throws(FileFault) in
            try SnapshotVerifier(manifest: manifest, source: source).damages()
        }
        if let damage = damages.first { return .failure(damage) }
        guard let loaded = source as? LoadedFiles else {
            return .failure(SnapshotDamage(file: SnapshotManifest.name, what: "its files changed while they were read"))
        }
        return .success(try snapshot(manifest, loaded))
    }

    private func snapshot(_ manifest: SnapshotManifest, _ files: LoadedFiles) throws(CommandError) -> Snapshot {
        var parameters: [TensorView] = []
        var optimizer: [TensorView] = []
        var watch: [Double]?
        for tensor in manifest.tensors {
            let view: TensorView
            do {
                view = try TensorView(
                    name: tensor.name, type: tensor.type, shape: tensor.shape,
                    bytes: (files[tensor.file] ?? [])[tensor.range])
            } catch {
                throw CommandError(.verification, error.description)
            }
            if tensor.file == SnapshotManifest.parametersFile {
                parameters.append(view)
            } else if !tensor.isTail {
                optimizer.append(view)
            } else if tensor.name == StateSnapshot.watchName {
                watch = view.doubles
            }
        }
        return Snapshot(
            manifest: manifest, parameters: parameters, optimizer: optimizer, position: manifest.position, watch: watch)
    }
}
