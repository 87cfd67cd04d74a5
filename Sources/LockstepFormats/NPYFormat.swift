internal import LockstepCore

/// The `.npy` files of NumPy: one array of numbers. Versions 1 to 3 are read, version 1 is written.
package enum NPYFormat {
    static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)
    static let maximumHeaderBytes = 1 << 16
    static let maximumRank = 32

    /// Reads a file; the array comes as a tensor without a name, row-major and little-endian.
    ///
    /// Takes no memory of the file's size where its order is C's and its bytes are little-endian; else once its size.
    package static func read(_ file: [UInt8]) throws(FormatError) -> TensorView {
        let header = try NPYHeader(reading: file)
        let data = file[header.end...]
        guard let expected = TensorView.byteCount(header.element.type, header.shape) else {
            throw FormatError(offset: header.end, "the shape of the npy array is too large")
        }
        guard data.count >= expected else {
            throw FormatError(
                offset: file.count,
                "the npy file is cut short: its header announces \(expected) bytes, \(data.count) follow it")
        }
        guard data.count == expected else {
            throw FormatError(offset: header.end + expected, "bytes follow the array of the npy file")
        }
        var bytes = data
        if header.isFortranOrder { bytes = rowMajor(bytes, header.shape, header.element.type.size)[...] }
        if header.element.isBigEndian { bytes = reversed(bytes, header.element.type.size)[...] }
        if header.element.type == .bool, let wrong = bytes.firstIndex(where: { $0 > 1 }) {
            throw FormatError(
                offset: header.isFortranOrder ? header.end : wrong, "a truth value in the npy file is neither 0 nor 1")
        }
        return try TensorView(name: "", type: header.element.type, shape: header.shape, bytes: bytes)
    }

    /// A file that holds the array; the name is not kept.
    ///
    /// - Throws: where NumPy has no such elements.
    package static func encoded(_ tensor: TensorView) throws(FormatError) -> [UInt8] {
        guard let element = NPYElement(tensor.type) else {
            throw FormatError(offset: 0, "an npy file cannot hold elements of type \(tensor.type.rawValue)")
        }
        let extents = tensor.shape.map { "\($0)," }.joined(separator: " ")
        let shape = tensor.shape.count > 1 ? String(extents.dropLast()) : extents
        var header = Array("{'descr': '\(element.description)', 'fortran_order': False, 'shape': (\(shape)), }".utf8)
        // As NumPy does: the data begins at a multiple of 64, and the header ends with a line feed.
        let unpadded = magic.count + 4 + header.count + 1
        header.append(contentsOf: repeatElement(UInt8(ascii: " "), count: (64 - unpadded % 64) % 64))
        header.append(UInt8(ascii: "\n"))
        guard tensor.shape.count <= maximumRank else {
            throw FormatError(offset: 0, "an npy file cannot hold an array of \(tensor.shape.count) dimensions")
        }
        let length = [UInt8(truncatingIfNeeded: header.count), UInt8(truncatingIfNeeded: header.count >> 8)]
        return magic + [1, 0] + length + header + tensor.bytes
    }

    /// The elements of an array in Fortran's order (first index fastest), put into C's order (last index fastest).
    private static func rowMajor(_ data: ArraySlice<UInt8>, _ shape: [Int], _ size: Int) -> [UInt8] {
        guard shape.count > 1, !data.isEmpty else { return Array(data) }
        var strides: [Int] = []
        var stride = size
        for extent in shape {
            strides.append(stride)
            stride *= extent
        }
        return [UInt8](unsafeUninitializedCapacity: data.count) { target, count in
            data.withUnsafeBytes { source in
                var index = Array(repeating: 0, count: shape.count)
                var from = 0
                for element in 0..<source.count / size {
                    for byte in 0..<size { target[element * size + byte] = source[from + byte] }
                    var axis = shape.count - 1
                    while axis >= 0 {
                        index[axis] += 1
                        from += strides[axis]
                        if index[axis] < shape[axis] { break }
                        from -= strides[axis] * shape[axis]
                        index[axis] = 0
                        axis -= 1
                    }
                }
            }
            count = data.count
        }
    }

    /// The elements with their bytes in the other order.
    private static func reversed(_ data: ArraySlice<UInt8>, _ size: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: data.count) { target, count in
            data.withUnsafeBytes { source in
                for index in 0..<source.count { target[index] = source[index - index % size + size - 1 - index % size] }
            }
            count = data.count
        }
    }
}
