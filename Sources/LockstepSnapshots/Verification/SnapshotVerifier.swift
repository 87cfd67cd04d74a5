internal import LockstepCore
internal import LockstepFormats

/// Compares every byte of a snapshot's files with what its manifest says, and the manifest with itself.
struct SnapshotVerifier {
    let manifest: SnapshotManifest
    let source: any SnapshotSource

    /// - Throws: a fault that says nothing about the snapshot, as too many open files.
    func damages() throws(FileFault) -> [SnapshotDamage] {
        var damages: [SnapshotDamage] = []
        for file in manifest.files {
            do throws(FileFault) {
                damages += try check(file)
            } catch {
                guard error.isDamage else { throw error }
                damages.append(
                    SnapshotDamage(
                        file: file.name, what: error.isMissing ? "missing" : "cannot be read: \(error.reason)"))
            }
        }
        // Only of whole files: what follows from damage that is reported already says nothing new.
        return damages.isEmpty ? try checkState() : damages
    }

    /// One file: its length, its digests, those of its tensors, its header.
    private func check(_ file: SnapshotManifest.File) throws(FileFault) -> [SnapshotDamage] {
        let size = try source.size(of: file.name)
        guard size == file.size else {
            return [
                SnapshotDamage(
                    file: file.name, byteRange: min(size, file.size)..<max(size, file.size),
                    what: "has \(size) bytes where the manifest says \(file.size)")
            ]
        }
        var digester = FileDigester()
        try source.read(file.name, 0..<size) { digester.update($0) }
        let found = digester.finish(name: file.name)
        if found == file {
            let start = manifest.dataStart(of: file)
            var header: [UInt8] = []
            try source.read(file.name, 0..<start) { header.append(contentsOf: $0) }
            return headerDamages(header, of: file)
        }
        // Chunks say roughly where the damage lies, tensors what it means; only bytes of both are in doubt.
        let chunks = zip(file.chunks, found.chunks).enumerated().filter { $1.0 != $1.1 }
            .map { SnapshotManifest.chunkRange($0.offset, fileSize: size) }
        guard !chunks.isEmpty else {
            return [SnapshotDamage(file: file.name, byteRange: 0..<size, what: SnapshotVerifier.differs)]
        }
        var tensors: [SnapshotManifest.Tensor] = []
        for tensor in manifest.tensors where tensor.file == file.name && chunks.contains(where: tensor.range.overlaps) {
            if try digest(of: tensor) != tensor.digest { tensors.append(tensor) }
        }
        var damages: [SnapshotDamage] = []
        for chunk in chunks {
            let damaged = tensors.filter { $0.range.overlaps(chunk) }
            for tensor in damaged {
                damages.append(
                    SnapshotDamage(
                        file: file.name, tensor: tensor.name, byteRange: tensor.range.clamped(to: chunk),
                        what: SnapshotVerifier.differs))
            }
            if damaged.isEmpty {
                let header = 0..<manifest.dataStart(of: file)
                let range = header.overlaps(chunk) ? header.clamped(to: chunk) : chunk
                damages.append(SnapshotDamage(file: file.name, byteRange: range, what: SnapshotVerifier.differs))
            }
        }
        return damages
    }

    private func headerDamages(_ bytes: [UInt8], of file: SnapshotManifest.File) -> [SnapshotDamage] {
        let what: String
        do {
            let header = try SafetensorsHeader(parsing: bytes)
            if header.agrees(with: manifest.tensors.filter { $0.file == file.name }) { return [] }
            what = "the safetensors header and the manifest disagree about the tensors"
        } catch {
            what = error.description
        }
        return [SnapshotDamage(file: file.name, byteRange: 0..<bytes.count, what: what)]
    }

    /// What the tensors say together: the digests over them, `position`, and whether all of them are finite.
    private func checkState() throws(FileFault) -> [SnapshotDamage] {
        var damages: [SnapshotDamage] = []
        var builder = DigestBuilder()
        var digest: Digest?
        var isFinite = true
        var position: [UInt8] = []
        for tensor in manifest.tensors {
            if tensor.file == SnapshotManifest.optimizerFile, digest == nil { digest = copy(builder).finalize() }
            TensorDigest.begin(name: tensor.name, type: tensor.type, shape: tensor.shape, &builder)
            var own = DigestBuilder()
            var scan = FiniteScan(tensor.type)
            try source.read(tensor.file, tensor.range) { bytes in
                builder.update(bytes)
                own.update(bytes)
                scan.update(bytes)
                if tensor.isTail, tensor.name == StateSnapshot.positionName { position.append(contentsOf: bytes) }
            }
            if !tensor.isTail { isFinite = isFinite && scan.isFinite }
            if own.finalize() != tensor.digest {
                damages.append(
                    SnapshotDamage(
                        file: tensor.file, tensor: tensor.name, byteRange: tensor.range, what: SnapshotVerifier.differs)
                )
            }
        }
        func contradiction(_ what: String) { damages.append(SnapshotDamage(file: SnapshotManifest.name, what: what)) }
        if digest != manifest.digest { contradiction("“digest” is not that of the parameters") }
        if builder.finalize() != manifest.stateDigest { contradiction("“stateDigest” is not that of the tensors") }
        if isFinite != manifest.isFinite { contradiction("“finite” is not what the tensors are") }
        if position[...] != manifest.position.tensor.bytes {
            contradiction("step, epoch and samples done are not those of the tensor “position”")
        }
        return damages
    }

    private func digest(of tensor: SnapshotManifest.Tensor) throws(FileFault) -> Digest {
        var builder = DigestBuilder()
        try source.read(tensor.file, tensor.range) { builder.update($0) }
        return builder.finalize()
    }

    private func copy(_ builder: DigestBuilder) -> DigestBuilder { builder }

    private static let differs = "the SHA-256 is not the manifest's"
}
