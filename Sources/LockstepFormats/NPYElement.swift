/// The kind of element of an npy file, as NumPy describes it: byte order, kind, size.
struct NPYElement: CustomStringConvertible {
    let type: TensorType
    let isBigEndian: Bool

    private static let kinds: [(name: String, type: TensorType)] = [
        ("b1", .bool), ("i1", .int8), ("u1", .uint8), ("i2", .int16), ("u2", .uint16), ("i4", .int32), ("u4", .uint32),
        ("i8", .int64), ("u8", .uint64), ("f2", .float16), ("f4", .float32), ("f8", .float64),
    ]

    /// - Parameter description: such as `<f4`; nil where it is none of these.
    init?(_ description: String) {
        guard let order = description.first,
            let type = NPYElement.kinds.first(where: { $0.name == description.dropFirst() })?.type
        else { return nil }
        switch order {
        case "<": isBigEndian = false
        case ">": isBigEndian = type.size > 1
        case "|" where type.size == 1: isBigEndian = false
        default: return nil
        }
        self.type = type
    }

    /// The little-endian elements of that type; nil where NumPy has none.
    init?(_ type: TensorType) {
        guard NPYElement.kinds.contains(where: { $0.type == type }) else { return nil }
        self.type = type
        isBigEndian = false
    }

    var description: String {
        let kind = NPYElement.kinds.first { $0.type == type }?.name ?? ""
        return (type.size == 1 ? "|" : isBigEndian ? ">" : "<") + kind
    }
}
