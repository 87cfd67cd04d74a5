import LockstepCluster
import LockstepCollectives
import LockstepCore

/// The source's end of a feed: what it has still to say, within bounds.
final class OutgoingFeed {
    let target: WorkerAddress
    /// nil while it is dialled.
    var link: FeedLink?
    /// Frames are read when they leave.
    var queue: [() -> FeedFrame] = []
    /// Whether a copy was put in the queue, and all that followed from it.
    var hasCopy = false
    /// What the observer holds when it has taken all.
    var lastFed: StatePoint?
    var copyNotBefore: UInt64 = 0
    var overflows: UInt64 = 0
    var leavesAt: UInt64 = 0
    var isLeaving = false
    /// Steps that were told, for a flaw.
    var steps = 0

    init(_ target: WorkerAddress) { self.target = target }
}

/// The source's part of a feed. Nobody waits for it: the driver puts copies and items in a bounded queue, and goes on.
extension SimulatedWorker {
    func feed(_ target: WorkerAddress) {
        endFeeds { $0.target.process == target.process }
        let feed = OutgoingFeed(target)
        feeds.append(feed)
        simulation.dial(target.process, from: host, until: simulation.now + simulation.scenario.feedPatience) {
            [self] found in
            whenAwake { [self] in
                guard feeds.contains(where: { $0 === feed }) else { return }
                guard let found, let link = found.admitFeed(from: self) else {
                    return lose(feed, "it cannot be reached")
                }
                feed.link = link
                watch(link, of: feed)
            }
        }
    }

    /// Another link takes the place of one that feeds this observer.
    func renewFeed(of observer: SimulatedWorker) -> Bool {
        guard let feed = feeds.first(where: { $0.link?.observer === observer }), let old = feed.link else {
            return false
        }
        guard let link = observer.admitFeed(from: self) else { return false }
        old.connection.clientClosed = { _ in }
        old.connection.closeClient("a newer link takes its place")
        feed.queue = []
        feed.hasCopy = false
        feed.link = link
        watch(link, of: feed)
        return true
    }

    private func watch(_ link: FeedLink, of feed: OutgoingFeed) {
        link.connection.clientClosed = { [self] reason in
            whenAwake { [self] in
                guard feeds.contains(where: { $0 === feed }), feed.link === link else { return }
                lose(feed, reason)
            }
        }
    }

    private func lose(_ feed: OutgoingFeed, _ reason: String) {
        endFeeds { $0 === feed }
        handle(.feedLost(FeedLost(observer: feed.target.name, process: feed.target.process, reason: reason)))
    }

    /// Ends feeds by the own wish.
    func endFeeds(where isMeant: (OutgoingFeed) -> Bool) {
        let ended = feeds.filter(isMeant)
        feeds.removeAll(where: isMeant)
        for feed in ended {
            feed.queue = []
            feed.link?.connection.closeClient("the feed has ended")
        }
    }

    // MARK: What is told

    /// Just before a turn begins: who has no copy gets one. All that begin here share it.
    func feedCopies() {
        let copy = state
        let isCorrupt = isCorrupt
        for feed in feeds where feed.link != nil && !feed.hasCopy && simulation.now >= feed.copyNotBefore {
            feed.hasCopy = true
            feed.lastFed = copy.point
            simulation.counts.copies += 1
            simulation.happened(.copy, at: self)
            // The reports that would be lost with this process, then the copy.
            var frames = core.copyItems.map { item in { FeedFrame.item(item) } }
            let isLive = simulation.flaw == .feedsLive
            for piece in 0..<SimulatedState.pieces {
                frames.append { [self] in
                    let now = isLive ? state : copy
                    return .piece(
                        piece, parameter: now.parameters[piece], moment: now.moments[piece],
                        numbers: piece == SimulatedState.pieces - 1 ? copy : nil, isCorrupt: isCorrupt)
                }
            }
            add(frames, to: feed)
        }
    }

    /// Something happened to the state, or the source stands still.
    func tellFeeds(_ content: FeedItem.Content, total: [Float]? = nil) {
        let item = FeedItem(generation: core.running, content)
        for feed in feeds where feed.link != nil {
            switch content {
            case .step, .judgement:
                guard feed.hasCopy else { continue }
                feed.lastFed = state.point
                if case .step = content { feed.steps += 1 }
                if simulation.flaw == .skipsAStep, feed.steps.isMultiple(of: 3), total != nil { continue }
                simulation.happened(.item, at: self)
            case .state, .reports, .gap, .still, .begins: break
            }
            add([{ .item(item) }] + (total.map { total in [{ .total(total) }] } ?? []), to: feed)
        }
    }

    /// A generation begins, of which this process is a member.
    func feedsBegin(_ roster: Roster) {
        let isDistrusted = roster.distrusted.contains(process)
        endFeeds { feed in isDistrusted || roster.members.contains { $0.process == feed.target.process } }
        let item = FeedItem(
            generation: roster.generation,
            .begins(start: roster.start, stateHash: roster.stateHash, wholeHash: roster.wholeHash))
        for feed in feeds where feed.link != nil {
            add([{ .item(item) }], to: feed)
            if feed.lastFed != roster.start || !roster.holders.contains(name) { feed.hasCopy = false }
        }
    }

    // MARK: The queue

    private func add(_ frames: [() -> FeedFrame], to feed: OutgoingFeed) {
        if feed.hasCopy, feed.queue.count + frames.count > simulation.scenario.feedCapacity {
            simulation.note("\(self): the feed of \(feed.target.name) has overflowed")
            simulation.counts.overflows += 1
            let gap = FeedItem(generation: core.running, .gap)
            feed.queue = [{ .item(gap) }]
            feed.hasCopy = false
            feed.lastFed = nil
            let pause = simulation.scenario.feedPause << min(6, feed.overflows)
            feed.copyNotBefore = simulation.now + pause
            feed.overflows += 1
            return pump(feed)
        }
        feed.queue += frames
        pump(feed)
    }

    func pumpFeeds() {
        whenAwake { [self] in
            for feed in feeds { pump(feed) }
        }
    }

    /// Frames leave one after the other, as long as few are unread.
    private func pump(_ feed: OutgoingFeed) {
        guard let link = feed.link, !feed.isLeaving, !feed.queue.isEmpty, link.unreadCount < FeedLink.window,
            link.connection.clientIsOpen
        else { return }
        feed.isLeaving = true
        later(simulation.scenario.sending) { [self] in
            feed.isLeaving = false
            guard feeds.contains(where: { $0 === feed }), feed.link === link, !feed.queue.isEmpty else { return }
            link.send(feed.queue.removeFirst()())
            pump(feed)
        }
    }
}
