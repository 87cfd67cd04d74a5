internal import LockstepCluster
internal import LockstepCollectives
internal import LockstepCore
internal import LockstepWire
internal import NIOCore
internal import Synchronization

/// A member's feed to one observer: a queue, which its driver fills between turns, and a link on a control loop, which empties it.
// Safe: `link` and `missing` are touched on `loop` only; all else that changes is under the lock.
final class OutgoingFeed: FrameReceiver, @unchecked Sendable {
    enum End: Sendable {
        /// It could not be opened, or the link broke.
        case lost(reason: String)
        /// The keys of its link have served for long. It goes on until it is replaced.
        case worn
    }

    let observer: WorkerAddress
    let loop: any EventLoop
    private let shape: FeedShape
    private let ended: @Sendable (OutgoingFeed, End) -> Void
    private let shared: Mutex<Shared>
    private var link: DataLinkHandler?
    /// Frames behind the item that is on its way whose last byte has not left yet.
    private var missing = 0
    #if LOCKSTEP_FAILPOINTS
    /// The name of the source, and the step of the state that is on its way.
    private let source: String
    private var copying: UInt32?
    #endif

    private struct Shared {
        var queue: FeedQueue
        /// Closed when this one is open.
        var predecessor: OutgoingFeed?
        var isOpen = false
        var isOver = false
    }

    /// - Parameters:
    ///   - source: the name of this process.
    ///   - loop: of the link.
    ///   - predecessor: a feed of the same observer that goes on until this one is open.
    ///   - ended: called on the loop or by `fail`, and never after `close`.
    init(
        from source: String, to observer: WorkerAddress, on loop: any EventLoop, _ shape: FeedShape,
        _ limits: FeedQueue.Limits, predecessor: OutgoingFeed? = nil,
        ended: @escaping @Sendable (OutgoingFeed, End) -> Void
    ) {
        #if LOCKSTEP_FAILPOINTS
        self.source = source
        #endif
        self.observer = observer
        self.loop = loop
        self.shape = shape
        self.ended = ended
        shared = Mutex(Shared(queue: FeedQueue(limits), predecessor: predecessor))
    }

    // MARK: Of any thread

    /// Whether it begins, or begins again, with a copy of the state now.
    func wantsState(at now: UInt64) -> Bool {
        shared.withLock { $0.isOpen && !$0.isOver && $0.queue.wantsState(at: now) }
    }

    /// The state that the observer has when it has taken all; nil where the next thing must be a copy.
    var fedPoint: StatePoint? { shared.withLock { $0.isOver ? nil : $0.queue.fedPoint } }

    var isOver: Bool { shared.withLock { $0.isOver } }

    /// Bytes that wait or are on their way.
    var byteCount: Int { shared.withLock { $0.queue.byteCount } }

    func append(_ parcel: FeedParcel, at now: UInt64) {
        shared.withLock { if $0.isOpen, !$0.isOver { $0.queue.append(parcel, at: now) } }
        loop.execute { self.sendNext() }
    }

    /// What was fed is not what goes on: the next thing is a copy.
    func forgetState() { shared.withLock { $0.queue.forgetState() } }

    /// Ends the feed; nobody is told.
    func close() {
        shared.withLock { $0.isOver = true }
        loop.execute { self.link?.close() }
    }

    /// It could not be opened, or cannot go on.
    func fail(_ reason: String) {
        let isNews = shared.withLock { shared in
            defer { shared.isOver = true }
            shared.queue.removeAll()
            shared.predecessor = nil
            return !shared.isOver
        }
        if isNews { ended(self, .lost(reason: reason)) }
    }

    // MARK: On the loop

    func linkOpened(_ link: DataLinkHandler) {
        self.link = link
        let (isOver, predecessor) = shared.withLock { shared in
            shared.isOpen = true
            defer { shared.predecessor = nil }
            return (shared.isOver, shared.predecessor)
        }
        predecessor?.close()
        if isOver { link.close() }
    }

    /// Gives the link one parcel after the other: what it has cannot be dropped any more.
    private func sendNext() {
        guard let link, missing == 0 else { return }
        while missing == 0, let parcel = shared.withLock({ $0.queue.next() }) {
            // Nothing in an item cannot be said in messages.
            guard let text = try? ControlMessageCoding.encode(parcel.item) else { return link.close() }
            link.send(
                FrameHeader(kind: .feed, generation: parcel.item.generation, length: UInt32(text.count)), bytes: text)
            let frames = parcel.frames(shape.following(parcel.item).kind)
            missing = frames.count
            #if LOCKSTEP_FAILPOINTS
            copying = parcel.isState ? parcel.point?.step : nil
            #endif
            for (header, payload) in frames { link.send(header, payload: payload) }
            if frames.isEmpty { shared.withLock { $0.queue.sent() } }
        }
        link.flush()
    }

    func didSend(_ header: FrameHeader) {
        missing -= 1
        #if LOCKSTEP_FAILPOINTS
        if let step = copying {
            copying = nil
            Failpoints.current.pass(.feeding, step: step, source) { self.loop.execute { self.link?.close() } }
        }
        #endif
        guard missing == 0 else { return }
        shared.withLock { $0.queue.sent() }
        sendNext()
    }

    func willReceive(_ header: FrameHeader) throws -> FrameDestination {
        throw LinkError.violation("\(observer.name) sent a \(header.kind) frame to the source of its feed")
    }

    func didReceive(_ header: FrameHeader) throws {}

    func linkIsWorn() { if !isOver { ended(self, .worn) } }

    func linkRenewalRequested() {}

    func linkRetired() {}

    func linkClosed(_ error: LinkError) {
        link = nil
        missing = 0
        fail(error.reason)
    }
}
