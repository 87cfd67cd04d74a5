internal import LockstepCluster
internal import LockstepCollectives
internal import LockstepWire
internal import NIOCore

/// What a worker asked for, as it arrives: every frame in its order, within a limit, until the last byte is there.
struct Fetched: Sendable {
    /// The contents of the files wanted, in the order of the list.
    private(set) var files: [[UInt8]]
    /// The vectors of the state, in order; empty where none was wanted.
    private(set) var state: [[UInt8]]
    private var missing: Int
    private var completed: Set<Item> = []
    private var room: Int

    private struct Item: Hashable {
        let isState: Bool
        let index: Int
    }

    /// - Parameters:
    ///   - vectors: how many vectors the state has.
    ///   - room: more bytes than this in all are a fault of the coordinator.
    init(_ want: Want, vectors: Int, room: Int = 16 << 30) {
        files = Array(repeating: [], count: want.files.count)
        state = want.state ? Array(repeating: [], count: vectors) : []
        missing = files.count + state.count
        self.room = room
    }

    var isComplete: Bool { missing == 0 }

    mutating func receive(_ frame: ControlFrame) throws(LinkError) {
        let header = frame.header
        let index = Int(header.bucket)
        let item = Item(isState: header.kind == .state, index: index)
        guard header.kind == .file || header.kind == .state,
            item.isState ? state.indices.contains(index) : files.indices.contains(index), !completed.contains(item)
        else { throw LinkError.violation("the coordinator sent a \(header.kind) frame that nobody asked for") }
        let done = item.isState ? state[index].count : files[index].count
        guard header.offset == UInt64(done) else {
            throw LinkError.violation("the coordinator sent bytes of a \(header.kind) out of order")
        }
        room -= frame.payload.readableBytes
        guard room >= 0 else { throw LinkError.violation("the coordinator sent more than a worker takes") }
        if frame.payload.readableBytes == 0 {
            completed.insert(item)
            missing -= 1
        } else if item.isState {
            state[index] += frame.payload.readableBytesView
        } else {
            files[index] += frame.payload.readableBytesView
        }
    }
}
