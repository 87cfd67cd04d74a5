/// Reads numbers in ordinary decimal notation: exact, and the same under every locale.
package enum DecimalText {
    /// No sensible number is longer; the longest exact `Double` has 1,075 digits.
    private static let maximumBytes = 1200

    /// The nearest `Double` (ties to even); nil where the text is no number, or one that is too large. Spaces and tabs
    /// around it are skipped. There are no hexadecimal numbers, infinities and NaNs here.
    package static func double(_ text: ArraySlice<UInt8>) -> Double? {
        guard let decimal = Decimal(trimmed(text)) else { return nil }
        let value = decimal.exactDouble ?? Double(decimal.text)
        return value.flatMap { $0.isFinite ? $0 : nil }
    }

    /// The nearest `Float` (ties to even), rounded once; nil as for `double`.
    package static func float(_ text: ArraySlice<UInt8>) -> Float? {
        guard let decimal = Decimal(trimmed(text)) else { return nil }
        let value = decimal.exactDouble.flatMap(onceRounded) ?? Float(decimal.text)
        return value.flatMap { $0.isFinite ? $0 : nil }
    }

    /// The whole number; nil where the text is none, or does not fit.
    package static func int(_ text: ArraySlice<UInt8>) -> Int? {
        let digits = trimmed(text)
        guard digits.count <= 64 else { return nil }
        return Int(String(decoding: digits, as: UTF8.self))
    }

    /// The text without spaces and tabs around it.
    static func trimmed(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let isSpace = { (byte: UInt8) in byte == 0x20 || byte == 0x09 }
        guard let first = text.firstIndex(where: { !isSpace($0) }), let last = text.lastIndex(where: { !isSpace($0) })
        else { return text[text.endIndex...] }
        return text[first...last]
    }

    /// The `Float` nearest to what `double` was rounded from; nil where that cannot be told from `double` alone, because
    /// it lies in the middle between two floats. An `exactDouble` is 0 or within the normal range of a `Float`.
    private static func onceRounded(_ double: Double) -> Float? {
        double.bitPattern & 0x1FFF_FFFF == 0x1000_0000 ? nil : Float(double)
    }

    /// A number as its grammar has it: sign, digits with a point among them or without, exponent.
    private struct Decimal {
        let bytes: ArraySlice<UInt8>
        var isNegative = false
        /// The digits as one whole number, where they are few; nil where it would not be exact as a `Double`.
        var digits: UInt64? = 0
        /// The power of ten by which `digits` is multiplied.
        var exponent = 0

        var text: String { String(decoding: bytes, as: UTF8.self) }

        init?(_ bytes: ArraySlice<UInt8>) {
            guard !bytes.isEmpty, bytes.count <= maximumBytes else { return nil }
            self.bytes = bytes
            var rest = bytes
            if let sign = rest.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
                isNegative = sign == UInt8(ascii: "-")
                rest.removeFirst()
            }
            var count = takeDigits(&rest)
            if rest.first == UInt8(ascii: ".") {
                rest.removeFirst()
                let decimals = takeDigits(&rest)
                count += decimals
                exponent = -decimals
            }
            guard count > 0 else { return nil }
            guard let mark = rest.first else { return }
            guard mark == UInt8(ascii: "e") || mark == UInt8(ascii: "E") else { return nil }
            guard let power = Decimal.power(rest.dropFirst()) else { return nil }
            exponent += power
        }

        /// - Returns: how many digits there were.
        private mutating func takeDigits(_ rest: inout ArraySlice<UInt8>) -> Int {
            let start = rest.startIndex
            while let byte = rest.first, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
                rest.removeFirst()
                if let sum = digits {
                    let next = sum * 10 + UInt64(byte - UInt8(ascii: "0"))
                    digits = next < 1 << 53 ? next : nil
                }
            }
            return rest.startIndex - start
        }

        /// The number behind the “e”; nil where it is none. What is beyond every `Double` is cut.
        private static func power(_ text: ArraySlice<UInt8>) -> Int? {
            var rest = text
            let sign = rest.first
            if sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") { rest.removeFirst() }
            guard !rest.isEmpty else { return nil }
            var power = 0
            for byte in rest {
                guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
                power = min(power * 10 + Int(byte - UInt8(ascii: "0")), 1 << 20)
            }
            return sign == UInt8(ascii: "-") ? -power : power
        }

        /// The nearest `Double`, where one rounding of exact operands gives it.
        var exactDouble: Double? {
            guard let digits, exponent.magnitude < tens.count else { return nil }
            let power = tens[Int(exponent.magnitude)]
            let magnitude = exponent < 0 ? Double(digits) / power : Double(digits) * power
            return isNegative ? -magnitude : magnitude
        }
    }

    /// The powers of ten that a `Double` holds exactly.
    private static let tens: [Double] = [
        1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
        1e20,
        1e21, 1e22,
    ]
}
