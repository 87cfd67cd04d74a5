internal import LockstepCluster
internal import LockstepCollectives
internal import LockstepWire
internal import NIOCore

#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

/// What a worker asks its coordinator to stream on the bulk connection: files that it cannot read itself, by the names
/// in the job, and the state that the run resumes from.
struct Want: Sendable, Hashable, Codable {
    var files: [String] = []
    var state = false

    var isEmpty: Bool { files.isEmpty && !state }

    var frame: ControlFrame {
        // A list of texts and a flag always encode.
        let bytes = (try? JSONEncoder().encode(self)) ?? Data()
        return ControlFrame(kind: .want, payload: ByteBuffer(bytes: bytes))
    }

    init(files: [String] = [], state: Bool = false) {
        self.files = files
        self.state = state
    }

    init?(_ frame: ControlFrame) {
        // A file's place in the list travels in 16 bits.
        guard let want = try? JSONDecoder().decode(Want.self, from: Data(frame.payload.readableBytesView)),
            want.files.count <= Int(UInt16.max)
        else { return nil }
        self = want
    }

    /// Bytes of payload in a frame of a file or of the state.
    static let frameBytes = 256 << 10
}
