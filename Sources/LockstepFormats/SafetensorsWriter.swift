internal import LockstepCore

extension Safetensors {
    /// The data begins at a multiple of this, so that a mapped file can be used in place.
    private static let alignment = 64

    /// The whole file.
    package func encoded() throws(FormatError) -> [UInt8] {
        var bytes: [UInt8] = []
        let result = Result { try write { bytes.append(contentsOf: $0) } }
        guard case .failure(let error) = result else { return bytes }
        throw error as? FormatError ?? FormatError(offset: 0, "\(error)")
    }

    /// Writes the file piece by piece. Tensors with larger elements come first, so that all are aligned, then the
    /// order is that of the names' UTF-8 bytes.
    ///
    /// - Throws: `FormatError` where two tensors have one name; what `sink` throws.
    package func write(to sink: (UnsafeRawBufferPointer) throws -> Void) throws {
        let ordered = tensors.sorted { left, right in
            left.type.size == right.type.size ? left.precedes(right) : left.type.size > right.type.size
        }
        try header(of: ordered).withUnsafeBytes(sink)
        for tensor in ordered { try tensor.bytes.withUnsafeBytes(sink) }
    }

    private func header(of ordered: [TensorView]) throws(FormatError) -> [UInt8] {
        var members: [(String, JSONValue)] = []
        if !metadata.isEmpty {
            members.append((Safetensors.metadataKey, .object(JSONObject(metadata.map { ($0.key, .string($0.value)) }))))
        }
        var names: Set<String> = [Safetensors.metadataKey]
        var offset = 0
        for tensor in ordered {
            guard names.insert(tensor.name).inserted else {
                let shown = tensor.name.escapedForDisplay(limit: 60)
                throw FormatError(offset: 0, "a safetensors file cannot hold two tensors named “\(shown)”")
            }
            let end = offset + tensor.bytes.count
            members.append(
                (
                    tensor.name,
                    [
                        "dtype": .string(tensor.type.rawValue), "shape": .array(tensor.shape.map { .number($0) }),
                        "data_offsets": [.number(offset), .number(end)],
                    ]
                ))
            offset = end
        }
        var json = JSONValue.object(JSONObject(distinct: members.map { .init(key: $0.0, value: $0.1) })).bytes
        let unaligned = (8 + json.count) % Safetensors.alignment
        if unaligned > 0 {
            json.append(contentsOf: repeatElement(UInt8(ascii: " "), count: Safetensors.alignment - unaligned))
        }
        guard json.count <= Safetensors.maximumHeaderBytes else {
            throw FormatError(offset: 0, "the tensors' names are too long for a safetensors file")
        }
        return withUnsafeBytes(of: UInt64(json.count).littleEndian, Array.init) + json
    }
}
