internal import LockstepCluster
internal import LockstepCollectives
internal import LockstepCore
internal import NIOCore

#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

/// The first words on every connection, from the accepting side, in a frame of kind `link`:
/// `{"name":"lockstep://demo/coordinator/c0","protocol":1,"type":"greeting"}`.
///
/// In TLS 1.3 a dialling peer may believe the handshake done before the other side has judged its certificate. So it
/// sends nothing before this, and whatever stops it comes first: an alert, or a `refused` message.
struct Greeting: Codable, Equatable {
    static let currentVersion = 1

    let type: String
    let version: Int
    let name: String

    private enum CodingKeys: String, CodingKey {
        case type, name
        case version = "protocol"
    }

    init(name: PeerName) {
        type = "greeting"
        version = Greeting.currentVersion
        self.name = name.description
    }

    /// - Parameters:
    ///   - peer: whose certificate the other side has shown.
    ///   - place: how the other side is called in errors.
    init(_ frame: ControlFrame, from peer: PeerName, place: String) throws(LinkError) {
        guard frame.header.kind == .link else {
            throw .violation("\(place) sent a frame of kind \(frame.header.kind) where its greeting is due")
        }
        guard let greeting = try? JSONDecoder().decode(Greeting.self, from: Data(frame.payload.readableBytesView)),
            greeting.type == "greeting"
        else { throw .violation("\(place) sent a greeting that cannot be read") }
        guard greeting.name == peer.description else {
            let claimed = greeting.name.escapedForDisplay(limit: 80)
            throw .refused("\(place) is not accepted: it says it is \"\(claimed)\", but its certificate is of \(peer)")
        }
        self = greeting
    }

    func frame() throws -> ControlFrame {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return ControlFrame(kind: .link, payload: ByteBuffer(bytes: try encoder.encode(self)))
    }
}
