internal import LockstepCore

extension Safetensors {
    /// Reads a safetensors file; its tensors are views of `bytes`. Every number in the header is checked: tensors fill
    /// the file without holes or overlaps and are as long as their shapes say.
    package init(parsing bytes: [UInt8]) throws(FormatError) {
        guard bytes.count >= 8 else {
            throw FormatError(offset: bytes.count, "the safetensors file is shorter than 8 bytes")
        }
        let length = (0..<8).reduce(UInt64(0)) { $0 | UInt64(bytes[$1]) << UInt64(8 * $1) }
        guard length <= UInt64(Safetensors.maximumHeaderBytes) else {
            throw FormatError(offset: 0, "the safetensors header would have \(length) bytes, more than 100 MB")
        }
        let start = 8 + Int(length)
        guard start <= bytes.count else {
            throw FormatError(offset: bytes.count, "the safetensors file ends inside its header of \(length) bytes")
        }
        guard length > 0, bytes[8] == UInt8(ascii: "{") else {
            throw FormatError(offset: 8, "the safetensors header does not begin with “{”")
        }
        let header: JSONValue
        do {
            header = try JSONValue(parsing: bytes[8..<start], limits: JSONValue.Limits(depth: 4))
        } catch {
            throw FormatError(offset: 8 + error.offset, "safetensors header: \(error.message)")
        }

        var entries: [Entry] = []
        metadata = []
        for member in header.object?.members ?? [] {
            if member.key == Safetensors.metadataKey {
                metadata = try Safetensors.metadata(member.value)
            } else {
                entries.append(try Entry(name: member.key, member.value))
            }
        }
        // Tensors without elements may share an offset with their neighbour; the end decides then.
        entries.sort { ($0.begin, $0.end) < ($1.begin, $1.end) }
        tensors = []
        var expected = 0
        for entry in entries {
            guard entry.begin == expected else {
                let flaw = entry.begin > expected ? "does not begin where the one before it ends" : "overlaps another"
                throw Entry.flaw(entry.name, flaw)
            }
            guard entry.end <= bytes.count - start else {
                throw Entry.flaw(entry.name, "ends beyond the file, which is cut short or damaged")
            }
            tensors.append(
                try TensorView(
                    name: entry.name, type: entry.type, shape: entry.shape,
                    bytes: bytes[start + entry.begin..<start + entry.end]))
            expected = entry.end
        }
        guard expected == bytes.count - start else {
            throw FormatError(offset: start + expected, "bytes that belong to no tensor end the safetensors file")
        }
    }

    private static func metadata(_ value: JSONValue) throws(FormatError) -> [Pair] {
        guard let object = value.object else {
            throw FormatError(offset: 8, "the metadata of a safetensors file must be an object of strings")
        }
        var pairs: [Pair] = []
        for member in object.members {
            guard let text = member.value.string else {
                throw FormatError(offset: 8, "the metadata of a safetensors file must be an object of strings")
            }
            pairs.append(Pair(key: member.key, value: text))
        }
        return pairs
    }

    /// One tensor of the header.
    private struct Entry {
        let name: String
        let type: TensorType
        let shape: [Int]
        let begin: Int
        let end: Int

        init(name: String, _ value: JSONValue) throws(FormatError) {
            guard let object = value.object, object.members.count == 3, let dtype = object["dtype"]?.string,
                let shape = object["shape"]?.array, let offsets = object["data_offsets"]?.array
            else { throw Entry.flaw(name, "does not have exactly dtype, shape and data_offsets") }
            guard let type = TensorType(rawValue: dtype) else {
                throw Entry.flaw(name, "has the unknown dtype “\(dtype.escapedForDisplay(limit: 40))”")
            }
            guard name.utf8.count <= Safetensors.maximumNameBytes else {
                throw Entry.flaw(name, "has a name of more than \(Safetensors.maximumNameBytes) bytes")
            }
            guard shape.count <= Safetensors.maximumRank else {
                throw Entry.flaw(name, "has more than \(Safetensors.maximumRank) dimensions")
            }
            self.name = name
            self.type = type
            self.shape = try shape.map { (extent) throws(FormatError) in
                guard let extent = extent.int, extent >= 0 else { throw Entry.flaw(name, "has an impossible shape") }
                return extent
            }
            guard offsets.count == 2, let begin = offsets[0].int, let end = offsets[1].int, 0 <= begin, begin <= end
            else {
                throw Entry.flaw(name, "has impossible data_offsets")
            }
            guard let count = TensorView.byteCount(type, self.shape), count == end - begin else {
                throw Entry.flaw(name, "has data_offsets that do not fit its shape and dtype")
            }
            self.begin = begin
            self.end = end
        }

        static func flaw(_ name: String, _ what: String) -> FormatError {
            FormatError(offset: 8, "tensor “\(name.escapedForDisplay(limit: 60))” \(what)")
        }
    }
}
