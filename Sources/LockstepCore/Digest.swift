internal import Crypto

/// A SHA-256 digest.
public struct Digest: Sendable, Hashable, Codable, CustomStringConvertible {
    public let bytes: [UInt8]

    /// - Parameter hexadecimal: 64 lower-case hexadecimal digits.
    public init?(hexadecimal: String) {
        let digits = Array(hexadecimal.utf8)
        guard digits.count == 64 else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: 64, by: 2) {
            guard let high = Digest.value(ofDigit: digits[index]), let low = Digest.value(ofDigit: digits[index + 1])
            else { return nil }
            bytes.append(high << 4 | low)
        }
        self.bytes = bytes
    }

    fileprivate init(bytes: [UInt8]) { self.bytes = bytes }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let digest = Digest(hexadecimal: try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a SHA-256 digest")
        }
        self = digest
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }

    public var description: String { hexadecimalText(bytes) }

    private static func value(ofDigit digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}

/// Computes a `Digest` piece by piece. Numbers enter little-endian, texts with a u32 length before them.
public struct DigestBuilder: Sendable {
    private var hash = SHA256()

    public init() {}

    public mutating func update(_ bytes: UnsafeRawBufferPointer) { hash.update(bufferPointer: bytes) }

    public mutating func update(_ bytes: [UInt8]) { bytes.withUnsafeBytes { update($0) } }

    public mutating func update<Number: FixedWidthInteger>(_ number: Number) {
        withUnsafeBytes(of: number.littleEndian) { update($0) }
    }

    public mutating func update(_ text: String) {
        update(UInt32(truncatingIfNeeded: text.utf8.count))
        update(Array(text.utf8))
    }

    public consuming func finalize() -> Digest { Digest(bytes: Array(hash.finalize())) }

    public static func digest(of bytes: [UInt8]) -> Digest {
        var builder = DigestBuilder()
        builder.update(bytes)
        return builder.finalize()
    }
}

/// Lower-case hexadecimal digits of `bytes`.
public func hexadecimalText(_ bytes: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
}
