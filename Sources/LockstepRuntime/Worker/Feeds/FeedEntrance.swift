internal import LockstepCluster
internal import LockstepCore
internal import LockstepWire
internal import NIOCore
internal import Synchronization

/// Where links of feeds come in: rail 0's listener lets them through to here, whatever the rail is at. Whether this process observes
/// now is for its core to say.
final class FeedEntrance: Sendable {
    private let shape: FeedShape
    /// Of memory for total gradients.
    private let pool: FloatPool
    private let post: @Sendable (IncomingFeed, IncomingFeed.Event) -> Void
    private let shared = Mutex(Shared())

    private struct Shared {
        var made = 0
        /// Those that are open, or about to be: each has memory from the start.
        var admitted = 0
        var open: [Int: IncomingFeed] = [:]
        var isClosed = false
    }

    /// More at a time are refused: there is one, and another one that takes its place.
    private static let mostOpen = 4

    /// - Parameters:
    ///   - pool: of vectors; nil for one of its own.
    ///   - post: called on the rail's loop.
    init(
        _ shape: FeedShape, pool: FloatPool? = nil,
        post: @escaping @Sendable (IncomingFeed, IncomingFeed.Event) -> Void
    ) {
        self.shape = shape
        self.pool = pool ?? FloatPool(count: shape.elementCount)
        self.post = post
    }

    func admit(_ greeting: LinkGreeting, on loop: any EventLoop) throws(LinkError) -> IncomingFeed {
        let number = shared.withLock { shared -> Int? in
            guard shared.admitted < FeedEntrance.mostOpen else { return nil }
            shared.admitted += 1
            shared.made += 1
            return shared.made
        }
        guard let number else { throw .closed("it is fed by \(FeedEntrance.mostOpen) processes already") }
        let place = Place { [self] in shared.withLock { $0.admitted -= 1 } }
        let assembly = FeedAssembly(shape, pool)
        return IncomingFeed(number: number, greeting, on: loop, assembly, place) { [self] feed, event in
            note(feed, event)
            post(feed, event)
        }
    }

    /// Of a feed, until it is closed or, where it never was open, gone.
    final class Place: Sendable {
        private let leave: @Sendable () -> Void

        fileprivate init(_ leave: @escaping @Sendable () -> Void) { self.leave = leave }

        deinit { leave() }
    }

    /// Ends all feeds. None is let in afterwards.
    func close() {
        let open = shared.withLock { shared in
            shared.isClosed = true
            return shared.open
        }
        for feed in open.values { feed.close() }
    }

    private func note(_ feed: IncomingFeed, _ event: IncomingFeed.Event) {
        let isUnwanted = shared.withLock { shared in
            switch event {
            case .opened: shared.open[feed.number] = feed
            case .closed: shared.open[feed.number] = nil
            case .fed: break
            }
            return shared.isClosed
        }
        if isUnwanted { feed.close() }
    }
}
