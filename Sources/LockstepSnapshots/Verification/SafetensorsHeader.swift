internal import LockstepCore
internal import LockstepFormats

/// The header of a safetensors file of a snapshot: where each tensor lies in the file.
struct SafetensorsHeader {
    struct Entry {
        let name: String
        let type: TensorType
        let shape: [Int]
        /// In the file, not in its data.
        let range: Range<Int>
    }

    let entries: [Entry]

    /// - Parameter bytes: the file up to its data.
    /// - Throws: `FormatError`; offsets are those of the file.
    init(parsing bytes: [UInt8]) throws(FormatError) {
        let length = bytes.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard bytes.count > 8, length == UInt64(bytes.count - 8), bytes[8] == UInt8(ascii: "{") else {
            throw FormatError(offset: 0, "the safetensors header does not reach to the first tensor")
        }
        let header: JSONValue
        do {
            header = try JSONValue(parsing: bytes[8...], limits: JSONValue.Limits(depth: 4))
        } catch {
            throw FormatError(offset: 8 + error.offset, "safetensors header: \(error.message)")
        }
        entries = try (header.object?.members ?? []).filter { $0.key != "__metadata__" }.map {
            (member) throws(FormatError) in
            let value = member.value
            guard value.object?.members.count == 3, let type = value["dtype"]?.string.flatMap(TensorType.init),
                let shape = value["shape"]?.array?.map(\.int), let offsets = value["data_offsets"]?.array?.map(\.int),
                offsets.count == 2, let begin = offsets[0], let end = offsets[1], 0 <= begin, begin <= end,
                end <= Int.max - bytes.count
            else {
                throw FormatError(
                    offset: 8, "the safetensors header has no sense at “\(member.key.escapedForDisplay(limit: 60))”")
            }
            return Entry(
                name: member.key, type: type, shape: shape.map { $0 ?? -1 },
                range: bytes.count + begin..<bytes.count + end)
        }
    }

    /// Whether the header says of the tensors exactly what the manifest says of them.
    func agrees(with tensors: [SnapshotManifest.Tensor]) -> Bool {
        guard entries.count == tensors.count else { return false }
        let ordered = entries.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        let expected = tensors.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        return zip(ordered, expected).allSatisfy { entry, tensor in
            entry.name.utf8.elementsEqual(tensor.name.utf8) && entry.type == tensor.type && entry.shape == tensor.shape
                && entry.range == tensor.range
        }
    }
}
