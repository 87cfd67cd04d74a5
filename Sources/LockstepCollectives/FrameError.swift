/// Why 32 bytes are no frame header.
package enum FrameError: Error, Sendable, Equatable, CustomStringConvertible {
    case truncated(count: Int)
    case wrongMagic(UInt16)
    case unsupportedVersion(UInt8)
    case unknownKind(UInt8)
    case reservedNotZero

    package var description: String {
        switch self {
        case .truncated(let count): "a frame header has 32 bytes, not \(count)"
        case .wrongMagic(let magic): "a frame begins with 0x534c, not 0x\(String(magic, radix: 16))"
        case .unsupportedVersion(let version): "frame version \(version) is not 1; run the same program on both sides"
        case .unknownKind(let kind): "frame kind \(kind) is not known"
        case .reservedNotZero: "the reserved byte of a frame header is not zero"
        }
    }
}
