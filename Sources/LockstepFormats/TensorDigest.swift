package import LockstepCore

/// SHA-256 over tensors, so that ten lines of any language can compute it again.
///
/// For each tensor: u32 length and UTF-8 of the name; u32 length and text of the dtype as safetensors spells it; u32
/// rank; u64 extents; the elements, row-major; all little-endian.
package enum TensorDigest {
    /// - Parameter groups: one after the other; within a group tensors go in order of the name's UTF-8 bytes.
    package static func digest(of groups: [[TensorView]]) -> Digest {
        var builder = DigestBuilder()
        for tensor in groups.flatMap({ $0.sorted { $0.precedes($1) } }) {
            begin(name: tensor.name, type: tensor.type, shape: tensor.shape, &builder)
            tensor.bytes.withUnsafeBytes { builder.update($0) }
        }
        return builder.finalize()
    }

    /// What stands before a tensor's elements.
    package static func begin(name: String, type: TensorType, shape: [Int], _ builder: inout DigestBuilder) {
        builder.update(name)
        builder.update(type.rawValue)
        builder.update(UInt32(truncatingIfNeeded: shape.count))
        for extent in shape { builder.update(UInt64(extent)) }
    }
}
