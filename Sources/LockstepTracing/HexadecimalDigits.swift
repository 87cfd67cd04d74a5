/// Numbers as lower-case hexadecimal digits, into and out of bytes.
enum HexadecimalDigits {
    /// Appends all digits of a number, leading zeros too.
    static func append<Number: FixedWidthInteger & UnsignedInteger>(_ value: Number, to bytes: inout [UInt8]) {
        for shift in stride(from: Number.bitWidth - 4, through: 0, by: -4) {
            let digit = UInt8(truncatingIfNeeded: value >> Number(truncatingIfNeeded: shift)) & 15
            bytes.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") - 10 + digit)
        }
    }

    /// - Returns: nil where a byte is no lower-case digit.
    static func value(_ digits: ArraySlice<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        for digit in digits {
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt64(digit - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt64(digit - UInt8(ascii: "a") + 10)
            default: return nil
            }
        }
        return value
    }
}
