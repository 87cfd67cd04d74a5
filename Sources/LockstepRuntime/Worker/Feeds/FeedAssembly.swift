internal import LockstepCluster
internal import LockstepCollectives

/// Puts the items of a feed together from its frames. How much follows an item is known before it comes, so every frame is checked
/// before a byte of it is taken.
struct FeedAssembly {
    struct Fault: Error, Equatable {
        let reason: String
    }

    private struct Following {
        let parcel: FeedParcel
        let kind: FrameKind
        /// The vector in progress, and the floats of it that are there.
        var vector = 0
        var floats = 0
    }

    private let shape: FeedShape
    private let pool: FloatPool
    /// Where the JSON of an item comes.
    private let text: FloatMemory
    private var following: Following?

    /// - Parameter pool: of memory for total gradients.
    init(_ shape: FeedShape, _ pool: FloatPool) {
        self.shape = shape
        self.pool = pool
        text = FloatMemory(count: (shape.mostItemBytes + 3) / 4)
    }

    /// Whether the next frame begins an item.
    var isBetweenItems: Bool { following == nil }

    /// Where the payload of a frame goes.
    func place(of header: FrameHeader) throws(Fault) -> UnsafeMutableRawBufferPointer {
        guard let following else {
            guard header.kind == .feed, header.bucket == 0, header.phase == 0, header.part == 0, header.offset == 0
            else {
                throw Fault(reason: "sent a \(header.kind) frame where an item of its feed was to begin")
            }
            guard header.length > 0, header.length <= shape.mostItemBytes else {
                throw Fault(reason: "sent an item of \(header.length) bytes, which none of this job has")
            }
            let memory = text.bytes(0..<text.count)
            return UnsafeMutableRawBufferPointer(rebasing: memory[..<Int(header.length)])
        }
        guard header.kind == following.kind, header.generation == following.parcel.item.generation, header.phase == 0,
            header.part == 0
        else {
            throw Fault(
                reason: "sent a \(header.kind) frame of generation \(header.generation) inside an item of its feed")
        }
        let vector = following.parcel.vectors[following.vector]
        let count = Int(header.length) / 4
        guard Int(header.bucket) == following.vector, header.offset == UInt64(4 * following.floats),
            header.length.isMultiple(of: 4), count > 0, count <= vector.count - following.floats
        else { throw Fault(reason: "sent bytes of an item of its feed out of order") }
        return vector.bytes(following.floats..<following.floats + count)
    }

    /// The payload of a frame is complete in its place, which `place` gave.
    ///
    /// - Returns: what is complete with it.
    mutating func took(_ header: FrameHeader) throws(Fault) -> FeedParcel? {
        if var following {
            following.floats += Int(header.length) / 4
            if following.floats == following.parcel.vectors[following.vector].count {
                following.vector += 1
                following.floats = 0
            }
            let isComplete = following.vector == following.parcel.vectors.count
            self.following = isComplete ? nil : following
            return isComplete ? following.parcel : nil
        }
        let bytes = UnsafeRawBufferPointer(text.bytes(0..<text.count)).prefix(Int(header.length))
        guard let item = try? ControlMessageCoding.decodeItem(Array(bytes)),
            item.generation == header.generation,
            shape.fits(item)
        else { throw Fault(reason: "sent an item in its feed that none of this job can be") }
        let parcel = parcel(item)
        guard !parcel.vectors.isEmpty else { return parcel }
        following = Following(parcel: parcel, kind: shape.following(item).kind)
        return nil
    }

    private func parcel(_ item: FeedItem) -> FeedParcel {
        if case .step = item.content { return FeedParcel(item, vectors: [pool.take()], pool: pool) }
        return FeedParcel(item, vectors: shape.following(item).floats.map { FloatMemory(count: $0) })
    }
}
