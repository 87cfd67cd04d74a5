internal import LockstepCluster
internal import LockstepCollectives

/// An item of a feed, and the vectors that follow it. At its source it is shared by all feeds in which it is queued.
// Safe: filled by one thread, and read by others afterwards.
final class FeedParcel: @unchecked Sendable {
    let item: FeedItem
    /// The state that is there when the item has been taken; nil where it says nothing of that.
    let point: StatePoint?
    let vectors: [FloatMemory]
    private let pool: FloatPool?

    /// - Parameter pool: gets the memory back when nobody needs it any more.
    init(_ item: FeedItem, makes point: StatePoint? = nil, vectors: [FloatMemory] = [], pool: FloatPool? = nil) {
        self.item = item
        self.point = point
        self.vectors = vectors
        self.pool = pool
    }

    deinit {
        if let pool { for vector in vectors { pool.give(back: vector) } }
    }

    var isState: Bool { if case .state = item.content { true } else { false } }

    /// What it holds in memory, about.
    var byteCount: Int {
        var reports = 0
        if case .reports(let steps, let evaluations) = item.content { reports = steps.count + evaluations.count }
        return vectors.reduce(FeedParcel.ownBytes * (1 + reports)) { $0 + 4 * $1.count }
    }

    /// Of an item or a report.
    private static let ownBytes = 1 << 10

    /// The frames of the vectors, in the order in which they are sent.
    func frames(_ kind: FrameKind) -> [(header: FrameHeader, payload: UnsafeRawBufferPointer)] {
        let most = StateShare.frameBytes / MemoryLayout<Float>.stride
        return vectors.enumerated().flatMap { number, vector in
            stride(from: 0, to: vector.count, by: most).map { start in
                let floats = start..<min(start + most, vector.count)
                let header = FrameHeader(
                    kind: kind, generation: item.generation, bucket: UInt16(number),
                    length: UInt32(4 * floats.count), offset: UInt64(4 * start))
                return (header, UnsafeRawBufferPointer(vector.bytes(floats)))
            }
        }
    }
}
