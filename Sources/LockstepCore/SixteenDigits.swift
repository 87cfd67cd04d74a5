extension UInt64 {
    /// The word as 16 lower-case hexadecimal digits: exact with every reader of JSON, which numbers above 2⁵³ are not.
    package var sixteenDigits: String {
        String(unsafeUninitializedCapacity: 16) { digits in
            for index in 0..<16 {
                let digit = UInt8(truncatingIfNeeded: self >> (60 - 4 * UInt64(index))) & 15
                digits.initializeElement(
                    at: index, to: (digit < 10 ? UInt8(ascii: "0") : UInt8(ascii: "a") - 10) + digit)
            }
            return 16
        }
    }

    /// - Parameter sixteenDigits: lower-case hexadecimal digits; nil where this is anything else.
    package init?(sixteenDigits text: String) {
        var word: UInt64 = 0
        var count = 0
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): word = word << 4 | UInt64(byte - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): word = word << 4 | UInt64(byte - UInt8(ascii: "a") + 10)
            default: return nil
            }
            count += 1
            guard count <= 16 else { return nil }
        }
        guard count == 16 else { return nil }
        self = word
    }
}
