internal import LockstepCluster
internal import LockstepCollectives
internal import LockstepCore
internal import LockstepEngine
internal import LockstepJobs

/// What a member does for those whom it feeds: between its turns, and only where there are any.
extension WorkerDriver {
    /// Feeds this process from the next turn on, in the place of an older feed of it.
    func feed(_ observer: WorkerAddress) -> WorkerEvent? {
        guard let job else { return nil }
        let feeds = feeds ?? Feeds(FeedShape(of: job), pool: vectors)
        self.feeds = feeds
        feeds.prepareRoom()
        feeds.close { $0.process == observer.process }
        open(observer, feeds)
        return nil
    }

    /// A feed has ended by itself, or wants a new link.
    func ended(_ feed: OutgoingFeed, _ end: OutgoingFeed.End) -> WorkerEvent? {
        guard let feeds, feeds.contains(feed) else { return nil }
        let observer = feed.observer
        switch end {
        case .worn:
            // What it was told goes on over the old link, until the new one begins with a copy.
            open(observer, feeds, inPlaceOf: feed)
            return nil
        case .lost(let reason):
            closeFeeds { $0.process == observer.process }
            return .feedLost(FeedLost(observer: observer.name, process: observer.process, reason: reason))
        }
    }

    func closeFeeds(where isUnwanted: (WorkerAddress) -> Bool = { _ in true }) {
        feeds?.close(where: isUnwanted)
        guard feeds?.isEmpty == true else { return }
        feeds = nil
        // Between generations the next one takes what is there.
        if work != nil { vectors?.empty() }
    }

    // MARK: What is told

    /// Before a turn computes: who needs the state gets a copy of it, one for all.
    func feedState() {
        let now = ProcessClock.now
        guard let feeds, let state, feeds.wantsState(at: now), let vectors = feeds.takeRoomForState() else { return }
        for (copy, vector) in zip(vectors, [state.parameters] + state.vectors) {
            copy.pointer.update(from: vector, count: copy.count)
        }
        let copy = core.copyItems.map { item in
            guard case .state(let point) = item.content else { return FeedParcel(item) }
            return FeedParcel(item, makes: point, vectors: vectors + [FloatMemory(numbers)], pool: feeds.pool)
        }
        feeds.append(copy: copy, at: now)
    }

    /// The step is applied; the total of its gradients stays until the next turn begins.
    func feedStep(_ turn: Turn, _ summary: RecordSummary, seconds: Double) {
        guard let feeds, feeds.isFed, let work else { return }
        let total = feeds.takeRoomForStep()
        total.pointer.update(from: work.memory.total.pointer, count: total.count)
        let step = FedStep(
            step: turn.step, totals: summary.totals, sampleHashes: summary.sampleHashes,
            stateHash: isStateHashed ? summary.agreedHash : nil, seconds: seconds)
        feeds.append(
            FeedParcel(
                FeedItem(generation: core.running, .step(step)),
                makes: StatePoint(step: turn.step, isJudged: !work.schedule.isValidated(afterStep: turn.step)),
                vectors: [total], pool: feeds.pool),
            at: ProcessClock.now)
    }

    func feedJudgement(_ sums: [Double], step: UInt32, watchHash: UInt64) {
        let judgement = FedJudgement(step: step, sums: sums, watchHash: watchHash)
        feeds?.append(
            FeedParcel(FeedItem(generation: core.running, .judgement(judgement)), makes: StatePoint(step: step)),
            at: ProcessClock.now)
    }

    /// This member stands still.
    func feedStill() {
        feeds?.append(
            FeedParcel(FeedItem(generation: core.running, .still(promised: core.promised, core.point))),
            at: ProcessClock.now)
    }

    /// A generation begins. Observers that are members of it now need no feed.
    func feedBegins(_ roster: Roster) {
        closeFeeds { observer in roster.members.contains { $0.process == observer.process } }
        guard let feeds else { return }
        feeds.goOn(from: roster.holders.contains(core.identity.name) ? roster.start : nil)
        feeds.append(
            FeedParcel(
                FeedItem(
                    generation: roster.generation,
                    .begins(start: roster.start, stateHash: roster.stateHash, wholeHash: roster.wholeHash))),
            at: ProcessClock.now)
    }

    // MARK: Links

    private func open(_ observer: WorkerAddress, _ feeds: Feeds, inPlaceOf predecessor: OutgoingFeed? = nil) {
        let feed = OutgoingFeed(
            from: core.identity.name, to: observer, on: network.controlLoop, feeds.shape,
            FeedQueue.Limits(feeds.shape), predecessor: predecessor
        ) { [events] feed, end in events.post(.feedEnded(feed, end)) }
        feeds.add(feed)
        network.open(feed, generation: core.running)
    }
}
