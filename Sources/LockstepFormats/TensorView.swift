internal import LockstepCore

/// A named tensor as bytes: elements row-major and little-endian.
package struct TensorView: Sendable, Equatable {
    package let name: String
    package let type: TensorType
    package let shape: [Int]
    package let bytes: ArraySlice<UInt8>

    /// - Throws: where the shape is impossible or the bytes are not as many as it takes.
    package init(name: String, type: TensorType, shape: [Int], bytes: ArraySlice<UInt8>) throws(FormatError) {
        guard TensorView.byteCount(type, shape) == bytes.count else {
            let shown = name.escapedForDisplay(limit: 60)
            throw FormatError(
                offset: 0,
                "tensor “\(shown)” of shape \(shape) and type \(type.rawValue) does not have \(bytes.count) bytes")
        }
        self.init(unchecked: name, type, shape, bytes)
    }

    /// A tensor of 32-bit floats; as many as the shape says.
    package init(name: String, shape: [Int], floats: UnsafeBufferPointer<Float>) {
        precondition(TensorView.byteCount(.float32, shape) == floats.count * 4, "the elements do not fill the shape")
        var bytes: [UInt8] = []
        bytes.reserveCapacity(floats.count * 4)
        for value in floats {
            withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
        }
        self.init(unchecked: name, .float32, shape, bytes[...])
    }

    package init(name: String, shape: [Int], floats: [Float]) {
        self = floats.withUnsafeBufferPointer { TensorView(name: name, shape: shape, floats: $0) }
    }

    /// A tensor of one dimension of 64-bit integers.
    package init(name: String, integers: [Int64]) {
        let bytes = integers.flatMap { withUnsafeBytes(of: $0.littleEndian, Array.init) }
        self.init(unchecked: name, .int64, [integers.count], bytes[...])
    }

    /// A 64-bit integer without a dimension.
    package init(name: String, integer: Int64) {
        self.init(unchecked: name, .int64, [], withUnsafeBytes(of: integer.littleEndian, Array.init)[...])
    }

    /// A tensor of one dimension of 64-bit floats.
    package init(name: String, doubles: [Double]) {
        let bytes = doubles.flatMap { withUnsafeBytes(of: $0.bitPattern.littleEndian, Array.init) }
        self.init(unchecked: name, .float64, [doubles.count], bytes[...])
    }

    private init(unchecked name: String, _ type: TensorType, _ shape: [Int], _ bytes: ArraySlice<UInt8>) {
        self.name = name
        self.type = type
        self.shape = shape
        self.bytes = bytes
    }

    /// The elements, where they are 32-bit floats.
    package var floats: [Float]? {
        guard type == .float32 else { return nil }
        return bytes.withUnsafeBytes { buffer in
            (0..<buffer.count / 4).map { index in
                Float(
                    bitPattern: UInt32(littleEndian: buffer.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self)))
            }
        }
    }

    /// The elements, where they are 64-bit integers.
    package var integers: [Int64]? {
        guard type == .int64 else { return nil }
        return bytes.withUnsafeBytes { buffer in
            (0..<buffer.count / 8).map {
                Int64(littleEndian: buffer.loadUnaligned(fromByteOffset: $0 * 8, as: Int64.self))
            }
        }
    }

    /// The elements, where they are 64-bit floats.
    package var doubles: [Double]? {
        guard type == .float64 else { return nil }
        return bytes.withUnsafeBytes { buffer in
            (0..<buffer.count / 8).map {
                Double(
                    bitPattern: UInt64(littleEndian: buffer.loadUnaligned(fromByteOffset: $0 * 8, as: UInt64.self)))
            }
        }
    }

    /// What a tensor takes; nil where an extent is negative or the product does not fit.
    static func byteCount(_ type: TensorType, _ shape: [Int]) -> Int? {
        var count = type.size
        for extent in shape {
            let (product, overflow) = count.multipliedReportingOverflow(by: extent)
            guard extent >= 0, !overflow else { return nil }
            count = product
        }
        return count
    }

    /// Whether `self` stands before `other` in the order of the names' UTF-8 bytes.
    package func precedes(_ other: TensorView) -> Bool { name.utf8.lexicographicallyPrecedes(other.name.utf8) }
}
