internal import LockstepCollectives
internal import LockstepCore

/// Feeds begin and end: those that this process gives, and the one that it gets.
extension WorkerCore {
    // MARK: The source

    mutating func handleFeed(_ feed: Feed) -> [WorkerAction] {
        let observer = feed.observer
        guard canFeed, observer.process != identity.process else {
            return send(
                .feedLost(
                    FeedLost(
                        observer: observer.name, process: observer.process,
                        reason: "\(identity.name) is at nothing that could be fed")))
        }
        observers.insert(observer.process)
        return [.feed(feed)]
    }

    /// What is to be told of a copy of the state as it is now; the copy follows the last of these. The reports go first: whoever
    /// has the state of a source that is lost must be able to report for it too.
    package var copyItems: [FeedItem] {
        unreported.parts.map { FeedItem(generation: running, .reports(steps: $0.steps, evaluations: $0.evaluations)) }
            + [FeedItem(generation: running, .state(point))]
    }

    mutating func handleFeedLost(_ lost: FeedLost) -> [WorkerAction] {
        observers.remove(lost.process)
        return send(.feedLost(lost))
    }

    /// What was fed by a process that is distrusted may be no state of the run.
    mutating func endDoubtfulFeeds() -> [WorkerAction] {
        guard isDistrusted, !observers.isEmpty else { return [] }
        observers = []
        return [.endFeeds(reason: "the state of \(identity.name) was not the run's")]
    }

    /// Whether a turn of this process is to come, or may be.
    private var canFeed: Bool {
        guard schedule != nil, feed == nil else { return false }
        switch state {
        case .linking, .levelling, .waiting, .computing, .exchanging, .auditing, .updating, .judging, .parking,
            .reaching,
            .freezing, .frozen:
            return true
        case .connecting, .preparing, .prepared, .measuring, .measured, .unable, .observing, .draining, .halted,
            .done, .ended:
            return false
        }
    }

    // MARK: Before it observes

    mutating func handlePreflight(_ preflight: Preflight) -> [WorkerAction] {
        guard mayBeFed else { return [] }
        preflightGeneration = preflight.generation
        var preflight = preflight
        preflight.limit = min(preflight.limit, Self.longestReach)
        return [.preflight(preflight)]
    }

    mutating func handlePreflighted(_ generation: UInt32, _ outOfReach: [String]) -> [WorkerAction] {
        guard preflightGeneration == generation else { return [] }
        preflightGeneration = nil
        return send(.preflighted(Preflighted(generation: generation, outOfReach: outOfReach)))
    }

    /// Whether it stands still, or observes already. A feed that opens in a freeze waits until that is over.
    package var mayBeFed: Bool {
        switch state {
        case .prepared, .observing, .draining, .parking, .reaching, .freezing, .frozen: true
        case .connecting, .preparing, .measuring, .measured, .unable, .linking, .levelling, .waiting, .computing,
            .exchanging, .auditing, .updating, .judging, .halted, .done, .ended:
            false
        }
    }

    // MARK: The own feed

    mutating func handleFeedOpened(
        _ number: Int, _ source: String, _ process: ProcessNumber, _ generation: UInt32, _ now: UInt64
    ) -> [WorkerAction] {
        guard mayBeFed, generation >= feed?.generation ?? 0 else {
            return [.dropFeed(number, reason: "\(identity.name) does not observe that")]
        }
        var actions: [WorkerAction] = []
        if let feed { actions.append(.dropFeed(feed.number, reason: "\(source) feeds \(identity.name) now")) }
        // What it gave as a member is over.
        observers = []
        if roster != nil { actions.append(.endFeeds(reason: "\(identity.name) is no member any more")) }
        feed = ObservedFeed(number: number, source: source, process: process, generation: generation)
        actions += sayObserving()
        switch state {
        case .prepared: return actions + observe()
        // It had waited for the other one's.
        case .draining: return actions + settle(now)
        default: return actions
        }
    }

    /// From now on it takes what comes.
    mutating func observe() -> [WorkerAction] {
        state = .observing
        stage = .observing
        frozen = nil
        lostLinks = []
        guard !isParked else { return [] }
        // After a planned change the links of the old generation are open yet; nothing computes.
        isParked = true
        return [.park]
    }

    mutating func handleFeedClosed(_ number: Int, _ reason: String, _ now: UInt64) -> [WorkerAction] {
        guard feed?.number == number else { return [] }
        feed?.closed = reason
        return settle(now)
    }

    /// Ends the own feed.
    mutating func dropFeed(_ reason: String) -> [WorkerAction] {
        guard let feed else { return [] }
        return [.dropFeed(feed.number, reason: reason)] + loseFeed(reason)
    }

    mutating func loseFeed(_ reason: String) -> [WorkerAction] {
        feed = nil
        return sayObserving(reason: reason)
    }

    /// Whoever becomes a member is fed by nobody.
    mutating func leaveFeed() -> [WorkerAction] {
        preflightGeneration = nil
        guard let feed else { return [] }
        self.feed = nil
        return [.dropFeed(feed.number, reason: "\(identity.name) is a member now")]
    }

    func sayObserving(reason: String? = nil) -> [WorkerAction] {
        send(
            .observing(
                Observing(
                    source: feed?.source, isCaughtUp: feed?.isCaughtUp ?? false, point: point,
                    reason: feed == nil ? reason : nil)))
    }
}
