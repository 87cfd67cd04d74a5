internal import LockstepCollectives
internal import LockstepCore

/// What comes on the feed, one item after the other.
extension WorkerCore {
    // MARK: Freezes

    /// Takes what the source says until it stands still too, so that a holder more is there.
    mutating func drain(_ now: UInt64) -> [WorkerAction] {
        state = .draining
        stage = .freezing
        frozen = nil
        drainingUntil = now + reachLimit
        return settle(now)
    }

    /// Whether there is nothing to wait for any more before it stands still.
    private func isDrained(_ now: UInt64) -> Bool {
        guard let feed else { return true }
        // A copy that nothing has followed yet is no state to answer with.
        if feed.needsCopy, feed.waiting.isEmpty { return true }
        return feed.still >= promised || drainingUntil.map { now >= $0 } ?? true
    }

    // MARK: Items

    mutating func handleFed(_ number: Int, _ item: FeedItem, _ now: UInt64) -> [WorkerAction] {
        guard feed?.number == number else { return [] }
        feed?.waiting.append(item)
        return settle(now)
    }

    /// Does what can be done now: the answer to a freeze, the next item, the end of a feed.
    mutating func settle(_ now: UInt64) -> [WorkerAction] {
        guard taking == nil else { return [] }
        if state == .draining, isDrained(now) {
            drainingUntil = nil
            return standStill(now)
        }
        guard let feed else { return [] }
        if state == .observing, feed.isCaughtUp, feed.still > promised, feed.still == flag {
            // It is to be a member of what its source stands still for: FREEZE would say nothing more.
            promised = feed.still
            return standStill(now)
        }
        var actions: [WorkerAction] = []
        switch state {
        case .observing, .draining: break
        case .frozen:
            // What happens in a generation that this worker has promised, and was not asked to begin, happens without it.
            guard rules.observesWhileFrozen || feed.waiting.contains(where: { $0.generation >= promised }) else {
                return endInVain(feed)
            }
            actions = observe()
        default: return endInVain(feed)
        }
        guard let item = feed.waiting.first else {
            guard let closed = feed.closed else { return actions }
            return actions + loseFeed(closed) + settle(now)
        }
        // Like a member's next turn. Whoever is waited for does not wait.
        guard state == .draining || !unreported.isFull else { return actions }
        if let objection = objection(to: item, of: feed) { return actions + dropFeed(objection) + settle(now) }
        change(feed.number) {
            $0.waiting.removeFirst()
            $0.generation = item.generation
        }
        promised = max(promised, item.generation)
        taking = TakenItem(feed: feed.number, process: feed.process, item: item)
        return actions + [.take(item, feed: feed.number)]
    }

    /// A feed that ends, or brings nothing that can be taken, while this worker stands still: nothing more of it is read when
    /// so much waits.
    private mutating func endInVain(_ feed: ObservedFeed) -> [WorkerAction] {
        if let closed = feed.closed { return loseFeed(closed) }
        guard feed.waiting.count >= FeedItem.mostWaiting else { return [] }
        return dropFeed("\(feed.source) went on in a generation that is over")
    }

    /// Why an item cannot follow what was taken; nil where it does.
    private func objection(to item: FeedItem, of feed: ObservedFeed) -> String? {
        guard !rules.trustsFeeds else { return nil }
        func fault(_ text: String) -> String { "what \(feed.source) fed does not fit: \(text)" }
        if item.generation < feed.generation {
            return fault("generation \(item.generation) after \(feed.generation)")
        }
        switch item.content {
        case .reports(let steps, let evaluations):
            let objection = steps.lazy.compactMap(\.objection).first ?? evaluations.lazy.compactMap(\.objection).first
            return objection.map { fault("a report of \($0)") }
        case .state(let state):
            guard let turns = preparation?.turns, state.step <= turns.lastStep else { return fault("\(state)") }
            return state.isJudged || turns.isValidated(afterStep: state.step) ? nil : fault("\(state)")
        case .step(let fed):
            let follows = !feed.needsCopy && isJudged && fed.step == step &+ 1
            return follows && fed.step <= preparation?.lastStep ?? 0 ? nil : fault("step \(fed.step) after \(point)")
        case .judgement(let fed):
            let follows = !feed.needsCopy && !isJudged && fed.step == step
            return follows ? nil : fault("a judgement of S(\(fed.step)) after \(point)")
        case .still(_, let still):
            return feed.needsCopy || still == point ? nil : fault("\(still) after \(point)")
        case .begins, .gap: return nil
        }
    }

    // MARK: What was taken

    mutating func handleTaken(
        _ number: Int, _ outcome: FeedOutcome, waiting: Int, _ now: UInt64
    ) -> [WorkerAction] {
        guard let taken = taking, taken.feed == number else { return [] }
        taking = nil
        // What was done to the state counts, whatever became of the feed meanwhile.
        let objection = note(taken, outcome)
        guard feed?.number == number else { return settle(now) }
        if let objection { return dropFeed(objection) + settle(now) }
        return noteProgress(waiting: waiting) + settle(now)
    }

    /// - Returns: why the feed cannot go on from there.
    private mutating func note(_ taken: TakenItem, _ outcome: FeedOutcome) -> String? {
        switch (taken.item.content, outcome) {
        case (.reports(let steps, let evaluations), .noted):
            for report in steps { unreported.append(report) }
            for evaluation in evaluations { unreported.append(evaluation) }
            return nil
        case (.state(let state), .copied(let held)):
            _ = takeOver(held)
            seen = nil
            fedBy = taken.process
            copiedIn = taken.item.generation
            isConfirmed = false
            change(taken.feed) { $0.needsCopy = false }
            return held.holding.point == state ? nil : "the copy is of \(held.holding.point), not of \(state)"
        case (.step(let fed), .stepped(let report)):
            if let hash = fed.stateHash {
                agreement = Frozen.Agreement(point: point, hash: hash)
                isConfirmed = true
            }
            hold(report, totals: fed.totals, sampleHashes: fed.sampleHashes, generation: taken.item.generation)
            return nil
        case (.step(let fed), .differs(let own)):
            // It is no state of this run.
            isDistrusted = true
            return "\(point) has the hash \(own) here, and \(fed.stateHash?.description ?? "none") at its members"
        case (.judgement(let fed), .judged(let isStopping, let snapshots, let watchHash)):
            unreported.append(EvaluationReport(epoch: epoch, step: step, sums: fed.sums))
            noteJudged(isStopping: isStopping, snapshots: snapshots)
            guard watchHash == fed.watchHash || rules.trustsFeeds else {
                isDistrusted = true
                return "\(point) was judged otherwise here than at its source"
            }
            return nil
        case (.still(let promised, _), .noted):
            change(taken.feed) { $0.still = promised }
            return nil
        case (.begins(let start, let stateHash, let wholeHash), .noted):
            let isOther = holding.map { $0.hash != stateHash || $0.wholeHash != wholeHash ?? $0.wholeHash } ?? false
            if start != point || isOther {
                change(taken.feed) { $0.needsCopy = true }
            } else if holding != nil, wholeHash != nil {
                isConfirmed = true
            }
            return nil
        case (.gap, .noted):
            change(taken.feed) { $0.needsCopy = true }
            return nil
        case (_, .failed(let reason)): return reason
        default: return "an item was answered with \(outcome)"
        }
    }

    /// Whether it is caught up.
    private mutating func noteProgress(waiting: Int) -> [WorkerAction] {
        guard let feed else { return [] }
        var isCaughtUp = feed.isCaughtUp
        if waiting == 0 { isCaughtUp = true }
        // Its source has to keep what it does not read.
        if waiting >= FeedItem.mostWaiting { isCaughtUp = false }
        if feed.needsCopy || !isConfirmed { isCaughtUp = false }
        guard isCaughtUp != feed.isCaughtUp else { return [] }
        change(feed.number) { $0.isCaughtUp = isCaughtUp }
        return sayObserving()
    }

    private mutating func change(_ number: Int, _ change: (inout ObservedFeed) -> Void) {
        guard var feed, feed.number == number else { return }
        change(&feed)
        self.feed = feed
    }
}

/// An item that the shell was told to take.
struct TakenItem: Sendable {
    let feed: Int
    /// Whose feed it is.
    let process: ProcessNumber
    let item: FeedItem
}
