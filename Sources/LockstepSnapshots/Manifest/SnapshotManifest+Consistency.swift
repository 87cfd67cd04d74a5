internal import LockstepCore
internal import LockstepFormats

extension SnapshotManifest {
    /// Checks what holds for every manifest, without looking at the files: which files and tensors there are, in which
    /// order, and that tensors fill their files without gaps. The writer refuses what the reader would.
    func checkConsistency() throws(SnapshotDamage) {
        guard files.map(\.name) == [SnapshotManifest.parametersFile, SnapshotManifest.optimizerFile] else {
            throw ManifestMembers.damage(
                "does not list exactly \(SnapshotManifest.parametersFile) and \(SnapshotManifest.optimizerFile)")
        }
        for tensor in tensors { try tensor.checkForm() }
        try checkOrder()
        for file in files { try checkLayout(of: file) }
    }

    /// Parameters by name, the optimizer's tensors by name, then `position` and perhaps `watch`.
    private func checkOrder() throws(SnapshotDamage) {
        let tail = tensors.suffix(while: \.isTail)
        let position = TrainingPosition(step: 0, epoch: 0, samplesDone: 0).tensor
        guard let first = tail.first, first.name == position.name, first.type == position.type,
            first.shape == position.shape
        else { throw ManifestMembers.damage("the tensor “position” is missing or not where it must be") }
        guard tail.count <= 2, tail.dropFirst().allSatisfy({ $0.name == StateSnapshot.watchName }),
            tail.dropFirst().allSatisfy({ $0.type == .float64 && $0.shape.count == 1 })
        else { throw ManifestMembers.damage("the tensor “watch” is not what it must be") }
        var previous: Tensor?
        for tensor in tensors.dropLast(tail.count) {
            guard !tensor.isTail else {
                throw ManifestMembers.damage("the tensor “\(tensor.name)” is not where it must be")
            }
            if let previous {
                let isOrdered =
                    previous.file == tensor.file
                    ? previous.name.utf8.lexicographicallyPrecedes(tensor.name.utf8)
                    : previous.file == SnapshotManifest.parametersFile
                guard isOrdered else {
                    throw ManifestMembers.damage(
                        "the tensor “\(tensor.name.escapedForDisplay(limit: 60))” stands twice or out of order")
                }
            }
            previous = tensor
        }
    }

    private func checkLayout(of file: File) throws(SnapshotDamage) {
        let ranges = tensors.filter { $0.file == file.name }.map(\.range)
            .sorted { ($0.lowerBound, $0.upperBound) < ($1.lowerBound, $1.upperBound) }
        let start = ranges.first?.lowerBound ?? file.size
        guard (8...8 + SnapshotManifest.maximumHeaderBytes).contains(start) else {
            throw ManifestMembers.damage("the tensors of \(file.name) begin at an impossible place")
        }
        var end = start
        for range in ranges {
            guard range.lowerBound == end else {
                throw ManifestMembers.damage("the tensors of \(file.name) overlap or leave a gap at byte \(end)")
            }
            end = range.upperBound
        }
        guard end == file.size else {
            throw ManifestMembers.damage("the tensors of \(file.name) do not reach its end")
        }
    }

    /// Where the tensors of a file begin: the length of its safetensors header.
    func dataStart(of file: File) -> Int {
        tensors.filter { $0.file == file.name }.map(\.range.lowerBound).min() ?? file.size
    }
}

extension SnapshotManifest.Tensor {
    /// Whether this is `position` or `watch` of the optimizer's file.
    var isTail: Bool {
        file == SnapshotManifest.optimizerFile
            && (name == StateSnapshot.positionName || name == StateSnapshot.watchName)
    }

    fileprivate func checkForm() throws(SnapshotDamage) {
        let shown = name.escapedForDisplay(limit: 60)
        guard file == SnapshotManifest.parametersFile || file == SnapshotManifest.optimizerFile else {
            throw ManifestMembers.damage("the tensor “\(shown)” lies in a file that the manifest does not list")
        }
        guard !name.isEmpty, name.utf8.count <= SnapshotManifest.maximumNameBytes,
            name.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F })
        else {
            throw ManifestMembers.damage("the tensor “\(shown)” has an empty or too long name or control characters")
        }
        guard shape.count <= SnapshotManifest.maximumRank else {
            throw ManifestMembers.damage(
                "the tensor “\(shown)” has more than \(SnapshotManifest.maximumRank) dimensions")
        }
        var bytes = type.size
        for extent in shape {
            let (product, overflow) = bytes.multipliedReportingOverflow(by: extent)
            guard !overflow else { throw ManifestMembers.damage("the shape of the tensor “\(shown)” is impossible") }
            bytes = product
        }
        guard bytes == range.count else {
            throw ManifestMembers.damage("the shape of the tensor “\(shown)” does not fit its length")
        }
    }
}

extension Array {
    /// The longest end of which every element satisfies `predicate`.
    fileprivate func suffix(while predicate: (Element) -> Bool) -> ArraySlice<Element> {
        var start = endIndex
        while start > startIndex, predicate(self[start - 1]) { start -= 1 }
        return self[start...]
    }
}
