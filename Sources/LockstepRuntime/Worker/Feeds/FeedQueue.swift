internal import DequeModule
internal import LockstepCluster

/// What waits to go to one observer, within a bound of bytes. Nobody waits for an observer: where it does not keep up, all that waits
/// is dropped, and after a pause the feed begins again with a fresh copy of the state.
struct FeedQueue {
    struct Limits: Sendable, Equatable {
        /// Of what waits and what is on its way.
        var bytes: Int
        /// Nanoseconds before it begins again, at first; doubling.
        var pause: UInt64 = 1_000_000_000
        var longestPause: UInt64 = 60_000_000_000

        init(bytes: Int) { self.bytes = bytes }

        /// Room for four states, or as much as they take in steps, and 64 MiB.
        init(_ shape: FeedShape) { self.init(bytes: 4 * shape.stateBytes + 64 << 20) }
    }

    private let limits: Limits
    private var parcels = Deque<FeedParcel>()
    /// What is on its way. It cannot be dropped any more but with the link.
    private var sending: FeedParcel?
    /// Of what waits and what is on its way.
    private(set) var byteCount = 0
    /// The state that is there when all has been taken; nil where the next thing must be a copy.
    private(set) var fedPoint: StatePoint?
    private var pause: UInt64
    private var beginsAt: UInt64 = 0

    init(_ limits: Limits) {
        self.limits = limits
        pause = limits.pause
    }

    /// Whether it begins, or begins again, with a copy of the state now. Never while something of it is on its way: a peer that is
    /// stuck gets no second one.
    func wantsState(at now: UInt64) -> Bool { fedPoint == nil && now >= beginsAt && parcels.isEmpty && sending == nil }

    /// Queues an item. One that adds to a state is left out where that state was not fed.
    mutating func append(_ parcel: FeedParcel, at now: UInt64) {
        switch parcel.item.content {
        case .reports, .state, .still, .begins, .gap: break
        case .step, .judgement: guard fedPoint != nil else { return }
        }
        guard byteCount + parcel.byteCount <= limits.bytes else { return overflow(at: parcel.item.generation, now) }
        parcels.append(parcel)
        byteCount += parcel.byteCount
        fedPoint = parcel.point ?? fedPoint
    }

    /// What was fed is not what goes on: the next thing is a copy.
    mutating func forgetState() { fedPoint = nil }

    /// What is to be sent now; nil where something is on its way or nothing waits.
    mutating func next() -> FeedParcel? {
        guard sending == nil, let parcel = parcels.popFirst() else { return nil }
        sending = parcel
        return parcel
    }

    /// The last byte of what was on its way has left.
    mutating func sent() {
        byteCount -= sending?.byteCount ?? 0
        sending = nil
    }

    /// The link is no more.
    mutating func removeAll() {
        parcels = []
        sending = nil
        byteCount = 0
        fedPoint = nil
    }

    private mutating func overflow(at generation: UInt32, _ now: UInt64) {
        let gap = FeedParcel(FeedItem(generation: generation, .gap))
        parcels = [gap]
        byteCount = (sending?.byteCount ?? 0) + gap.byteCount
        fedPoint = nil
        beginsAt = now + pause
        pause = min(2 * pause, limits.longestPause)
    }
}
