/// Files of token numbers: an npy array of whole numbers, or the numbers alone, little-endian.
package enum TokenFormat {
    /// Greater ones are no tokens: a `Float` must hold them exactly.
    package static let maximumToken = (1 << 24) - 1

    /// The tokens as one row, and the greatest of them; −1 where there are none.
    ///
    /// - Parameter type: of the numbers where the file is not npy; whole ones.
    package static func read(
        _ file: [UInt8], type: TensorType
    ) throws(FormatError) -> (tokens: TensorView, greatest: Int) {
        let array = try file.starts(with: NPYFormat.magic) ? NPYFormat.read(file) : plain(file, type)
        guard array.isWhole else {
            throw FormatError(offset: 0, "an array of type \(array.type.rawValue) has no tokens; store whole numbers")
        }
        let tokens = try TensorView(name: "", type: array.type, shape: [array.count], bytes: array.bytes)
        var greatest = -1
        for index in 0..<tokens.count {
            guard let token = tokens.int(at: index), (0...maximumToken).contains(token) else {
                throw FormatError(
                    offset: file.count - array.bytes.count + index * array.type.size,
                    "token \(index) is not from 0 to \(maximumToken)")
            }
            greatest = max(greatest, token)
        }
        return (tokens, greatest)
    }

    private static func plain(_ file: [UInt8], _ type: TensorType) throws(FormatError) -> TensorView {
        let rest = file.count % type.size
        guard rest == 0 else {
            throw FormatError(
                offset: file.count - rest, "\(file.count) bytes are no whole number of tokens of \(type.size) bytes")
        }
        return try TensorView(name: "", type: type, shape: [file.count / type.size], bytes: file[...])
    }
}

extension TensorView {
    /// Whether the elements are whole numbers.
    fileprivate var isWhole: Bool {
        switch type {
        case .int8, .uint8, .int16, .uint16, .int32, .uint32, .int64, .uint64: true
        case .bool, .float16, .bfloat16, .float32, .float64, .float8E4M3, .float8E5M2, .float8E8M0: false
        }
    }
}
