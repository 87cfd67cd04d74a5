extension TensorView {
    /// How many elements there are.
    package var count: Int { bytes.count / type.size }

    /// Whether the elements can be read with `float(at:)` and its relatives; the kinds of 8-bit float cannot.
    package var isNumeric: Bool {
        switch type {
        case .float8E4M3, .float8E5M2, .float8E8M0: false
        default: true
        }
    }

    /// An element as the nearest `Float` (ties to even); a truth value is 0 or 1. `isNumeric` must hold.
    package func float(at index: Int) -> Float {
        var value: Float = 0
        withUnsafeMutablePointer(to: &value) { copyFloats(index..<index + 1, to: $0) }
        return value
    }

    /// An element as a whole number; nil where it has a fraction or does not fit. `isNumeric` must hold.
    package func int(at index: Int) -> Int? {
        bytes.withUnsafeBytes { buffer in
            switch type {
            case .bool, .uint8: Int(buffer[index])
            case .int8: Int(Int8(bitPattern: buffer[index]))
            case .int16: Int(buffer.integer(index, Int16.self))
            case .uint16: Int(buffer.integer(index, UInt16.self))
            case .int32: Int(buffer.integer(index, Int32.self))
            case .uint32: Int(buffer.integer(index, UInt32.self))
            case .int64: Int(exactly: buffer.integer(index, Int64.self))
            case .uint64: Int(exactly: buffer.integer(index, UInt64.self))
            case .float64: Int(exactly: Double(bitPattern: buffer.integer(index, UInt64.self)))
            case .float16, .bfloat16, .float32: Int(exactly: float(at: index))
            case .float8E4M3, .float8E5M2, .float8E8M0: preconditionFailure("such elements are no numbers here")
            }
        }
    }

    /// Writes the elements of a range, each as the nearest `Float` (ties to even). `isNumeric` must hold.
    package func copyFloats(_ range: Range<Int>, to target: UnsafeMutablePointer<Float>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "there are no such elements")
        bytes.withUnsafeBytes { buffer in
            func copy(_ element: (Int) -> Float) {
                for (place, index) in range.enumerated() { target[place] = element(index) }
            }
            switch type {
            case .bool, .uint8: copy { Float(buffer[$0]) }
            case .int8: copy { Float(Int8(bitPattern: buffer[$0])) }
            case .int16: copy { Float(buffer.integer($0, Int16.self)) }
            case .uint16: copy { Float(buffer.integer($0, UInt16.self)) }
            case .int32: copy { Float(buffer.integer($0, Int32.self)) }
            case .uint32: copy { Float(buffer.integer($0, UInt32.self)) }
            case .int64: copy { Float(buffer.integer($0, Int64.self)) }
            case .uint64: copy { Float(buffer.integer($0, UInt64.self)) }
            case .float16: copy { TensorView.float(half: buffer.integer($0, UInt16.self)) }
            case .bfloat16: copy { Float(bitPattern: UInt32(buffer.integer($0, UInt16.self)) << 16) }
            case .float32: copy { Float(bitPattern: buffer.integer($0, UInt32.self)) }
            case .float64: copy { Float(Double(bitPattern: buffer.integer($0, UInt64.self))) }
            case .float8E4M3, .float8E5M2, .float8E8M0: preconditionFailure("such elements are no numbers here")
            }
        }
    }

    /// A half-precision number; not every platform's Swift has `Float16`.
    static func float(half bits: UInt16) -> Float {
        let sign: Float = bits & 0x8000 == 0 ? 1 : -1
        let exponent = Int(bits >> 10 & 31)
        let fraction = UInt32(bits & 0x3FF)
        switch exponent {
        case 0: return sign * Float(fraction) * 0x1p-24
        case 31: return fraction == 0 ? sign * .infinity : .nan
        default: return sign * Float(bitPattern: UInt32(exponent + 112) << 23 | fraction << 13)
        }
    }
}

extension UnsafeRawBufferPointer {
    /// The little-endian integer with that number; wherever it lies.
    fileprivate func integer<Integer: FixedWidthInteger>(_ index: Int, _: Integer.Type) -> Integer {
        let size = Integer.bitWidth / 8
        precondition(index >= 0 && (index + 1) * size <= count, "there is no such element")
        return Integer(littleEndian: loadUnaligned(fromByteOffset: index * size, as: Integer.self))
    }
}
