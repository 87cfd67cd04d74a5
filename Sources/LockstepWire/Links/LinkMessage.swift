internal import LockstepCollectives
internal import LockstepCore
internal import NIOCore

#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

/// What the two ends of a connection say about the connection itself, in frames of kind `link`.
///
/// The accepting side speaks first: in TLS 1.3 a dialling peer may believe the handshake done before the other side has
/// judged its certificate. Only after the greeting does it send its first frame.
///
/// ```json
/// {"type":"greeting","protocol":1,"name":"lockstep://demo/coordinator/c0"}
/// {"type":"refused","reason":"…"}
/// {"type":"open","generation":3,"from":"w0","process":17,"to":"w1"}
/// {"type":"accepted"}
/// ```
enum LinkMessage: Equatable {
    case greeting(protocolVersion: Int, name: String)
    case refused(reason: String)
    case open(LinkOpening)
    case accepted

    static let protocolVersion = 1

    /// The message as a whole frame.
    func frame() -> ControlFrame {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Texts and integers always encode; were that ever wrong, the peer would see an empty message and refuse it.
        let bytes = (try? encoder.encode(self)).map { Array($0) } ?? []
        return ControlFrame(kind: .link, payload: ByteBuffer(bytes: bytes))
    }

    init(_ frame: ControlFrame) throws(LinkError) {
        guard frame.header.kind == .link else {
            throw .violation("a frame of kind \(frame.header.kind) came where the link's own words were due")
        }
        do {
            self = try JSONDecoder().decode(LinkMessage.self, from: Data(frame.payload.readableBytesView))
        } catch {
            throw .violation("a link message cannot be read")
        }
    }
}

extension LinkMessage: Codable {
    private enum CodingKeys: String, CodingKey {
        case type, name, reason, generation, from, process, to
        case protocolVersion = "protocol"
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        switch try container.decode(String.self, forKey: .type) {
        case "greeting":
            self = .greeting(
                protocolVersion: try container.decode(Int.self, forKey: .protocolVersion),
                name: try container.decode(String.self, forKey: .name)
            )
        case "refused":
            self = .refused(reason: try container.decode(String.self, forKey: .reason))
        case "open":
            self = .open(
                LinkOpening(
                    generation: try container.decode(UInt32.self, forKey: .generation),
                    from: try container.decode(String.self, forKey: .from),
                    process: try container.decode(UInt64.self, forKey: .process),
                    to: try container.decode(String.self, forKey: .to)
                )
            )
        case "accepted":
            self = .accepted
        default:
            throw DecodingError.dataCorruptedError(forKey: .type, in: container, debugDescription: "unknown type")
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case .greeting(let protocolVersion, let name):
            try container.encode("greeting", forKey: .type)
            try container.encode(protocolVersion, forKey: .protocolVersion)
            try container.encode(name, forKey: .name)
        case .refused(let reason):
            try container.encode("refused", forKey: .type)
            try container.encode(reason, forKey: .reason)
        case .open(let opening):
            try container.encode("open", forKey: .type)
            try container.encode(opening.generation, forKey: .generation)
            try container.encode(opening.from, forKey: .from)
            try container.encode(opening.process, forKey: .process)
            try container.encode(opening.to, forKey: .to)
        case .accepted:
            try container.encode("accepted", forKey: .type)
        }
    }
}
