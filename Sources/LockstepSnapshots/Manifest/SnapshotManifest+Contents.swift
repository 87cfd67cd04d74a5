internal import LockstepCore
internal import LockstepFormats

extension SnapshotManifest {
    /// The manifest of a state whose files have been written.
    ///
    /// - Parameters:
    ///   - files: the parameters' and the optimizer's.
    ///   - headers: of the same files.
    init(
        describing contents: SnapshotContents, files: [File], headers: [SafetensorsHeader]
    ) throws(CommandError) {
        let state = contents.state
        let groups = [state.parameters, state.optimizer, [state.tail[0]], Array(state.tail.dropFirst())]
        var builder = DigestBuilder()
        var digest = builder.finalize()
        var tensors: [Tensor] = []
        var isFinite = true
        let places = headers.map { header in
            Dictionary(header.entries.map { ($0.name, $0.range) }, uniquingKeysWith: { first, _ in first })
        }
        for (index, group) in groups.enumerated() {
            let fileIndex = min(index, 1)
            for view in group.sorted(by: { $0.precedes($1) }) {
                var own = DigestBuilder()
                var scan = FiniteScan(view.type)
                TensorDigest.begin(name: view.name, type: view.type, shape: view.shape, &builder)
                view.bytes.withUnsafeBytes { bytes in
                    builder.update(bytes)
                    own.update(bytes)
                    if index < 2 { scan.update(bytes) }
                }
                isFinite = isFinite && scan.isFinite
                guard let range = places[fileIndex][view.name] else {
                    throw .failed("the tensor “\(view.name.escapedForDisplay(limit: 60))” did not reach its file")
                }
                tensors.append(
                    Tensor(
                        name: view.name, file: files[fileIndex].name, type: view.type, shape: view.shape,
                        range: range, digest: own.finalize()))
            }
            let soFar = builder
            if index == 0 { digest = soFar.finalize() }
        }
        origin = contents.origin
        position = state.position
        stateHash = contents.stateHash
        self.digest = digest
        stateDigest = builder.finalize()
        self.isFinite = isFinite
        // A value that is not finite is never the best, and JSON has no word for it.
        best = contents.best.flatMap { $0.value.isFinite ? $0 : nil }
        preprocessing = contents.preprocessing
        epochSums = contents.epochSums
        epochSampleSum = contents.epochSampleSum
        self.files = files
        self.tensors = tensors
    }
}
