internal import LockstepCluster
internal import LockstepCore
internal import LockstepEngine

/// Whom a member feeds. There is none while nobody observes, and then feeding costs nothing. Of the driver's thread.
final class Feeds {
    let shape: FeedShape
    /// Of memory for the vectors of copies and for total gradients, which are as long.
    let pool: FloatPool
    private var feeds: [OutgoingFeed] = []

    init(_ shape: FeedShape, pool: FloatPool? = nil) {
        self.shape = shape
        self.pool = pool ?? FloatPool(count: shape.elementCount)
    }

    var isEmpty: Bool { feeds.isEmpty }

    /// Whether anybody has a state that a step can be added to.
    var isFed: Bool { feeds.contains { $0.fedPoint != nil } }

    /// Whether anybody needs a copy of the state.
    func wantsState(at now: UInt64) -> Bool { feeds.contains { $0.wantsState(at: now) } }

    /// Memory for the vectors of a copy; nil where it is not ready yet. The next turn will do as well: nobody waits for a feed, and
    /// no step is to wait for memory.
    func takeRoomForState() -> [FloatMemory]? {
        let room = pool.take(shape.vectorCount, leaving: Feeds.stepsAtHand)
        if room == nil { prepareRoom() }
        return room
    }

    /// For a copy of the state, and for the steps that are done while it is on its way. More than is asked for: the steps that others
    /// are fed between this and the next turn take some.
    func prepareRoom() { pool.prepare(shape.vectorCount + 2 * Feeds.stepsAtHand) }

    /// Of a step's total.
    func takeRoomForStep() -> FloatMemory {
        defer { pool.prepare(Feeds.stepsAtHand) }
        return pool.take()
    }

    private static let stepsAtHand = 4

    func contains(_ feed: OutgoingFeed) -> Bool { feeds.contains { $0 === feed } }

    func add(_ feed: OutgoingFeed) {
        // Those that were replaced.
        feeds.removeAll(where: \.isOver)
        feeds.append(feed)
    }

    /// Ends the feeds of those observers for which this is true.
    func close(where isUnwanted: (WorkerAddress) -> Bool) {
        for feed in feeds where isUnwanted(feed.observer) { feed.close() }
        feeds.removeAll { isUnwanted($0.observer) }
    }

    /// A copy and what belongs to it, to all who need one.
    func append(copy: [FeedParcel], at now: UInt64) {
        for feed in feeds where feed.wantsState(at: now) {
            for parcel in copy { feed.append(parcel, at: now) }
        }
    }

    func append(_ parcel: FeedParcel, at now: UInt64) { for feed in feeds { feed.append(parcel, at: now) } }

    /// A generation begins. Who was fed another state than this gets a copy of it.
    ///
    /// - Parameter start: nil where this member does not have it yet.
    func goOn(from start: StatePoint?) {
        for feed in feeds where start == nil || feed.fedPoint != start { feed.forgetState() }
    }
}
