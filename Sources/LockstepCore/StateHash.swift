/// 128 bits over parameters and buffers in flat order. It detects a difference; it does not authenticate.
/// `docs/arithmetic.md` defines it; the kernels compute it.
public struct StateHash: Sendable, Hashable, Codable, CustomStringConvertible {
    public let high: UInt64
    public let low: UInt64

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// - Parameter hexadecimal: 32 hexadecimal digits.
    public init?(hexadecimal: String) {
        guard hexadecimal.utf8.count == 32, hexadecimal.isHexadecimal,
            let high = UInt64(hexadecimal.prefix(16), radix: 16),
            let low = UInt64(hexadecimal.suffix(16), radix: 16)
        else { return nil }
        self.init(high: high, low: low)
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let hash = StateHash(hexadecimal: try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a state hash")
        }
        self = hash
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }

    public var description: String {
        hexadecimalText((0..<8).reversed().map { UInt8(truncatingIfNeeded: high >> (8 * $0)) })
            + hexadecimalText((0..<8).reversed().map { UInt8(truncatingIfNeeded: low >> (8 * $0)) })
    }
}

extension String {
    /// Whether all of this is hexadecimal digits. Swift's own parsing takes a sign too.
    package var isHexadecimal: Bool {
        utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
                UInt8(ascii: "A")...UInt8(ascii: "F"):
                true
            default: false
            }
        }
    }
}
