internal import LockstepCluster
internal import LockstepCollectives
internal import LockstepCore
internal import LockstepEngine
internal import LockstepJobs
internal import LockstepModels
internal import Logging

/// What an observer does with its feed. What may be done when is for the core to say.
extension WorkerDriver {
    /// A feed of which this process is the observer, and what of it is complete.
    struct Observed {
        let feed: IncomingFeed
        var parcels: [FeedParcel] = []
        /// Nothing more comes. What has come is still taken.
        var isClosed = false
    }

    /// Something has happened to a feed.
    func observed(_ feed: IncomingFeed, _ event: IncomingFeed.Event) -> WorkerEvent? {
        switch event {
        case .opened:
            forgetClosedFeeds()
            observed[feed.number] = Observed(feed: feed)
            let greeting = feed.greeting
            return .feedOpened(
                feed: feed.number, source: greeting.name, process: greeting.process, generation: greeting.generation)
        case .fed(let parcel):
            guard observed[feed.number] != nil else { return nil }
            observed[feed.number]?.parcels.append(parcel)
            return .fed(feed: feed.number, parcel.item)
        case .closed(let reason):
            guard observed[feed.number] != nil else { return nil }
            observed[feed.number]?.isClosed = true
            return .feedClosed(feed: feed.number, reason: reason)
        }
    }

    /// Nobody takes any more what has come of them.
    private func forgetClosedFeeds() { observed = observed.filter { !$0.value.isClosed } }

    func dropFeed(_ number: Int, reason: String) {
        guard let dropped = observed.removeValue(forKey: number) else { return }
        settings.logger.info("the feed of \(dropped.feed.greeting.name) ends: \(reason)")
        dropped.feed.close()
        if observed.isEmpty { endObserving() }
    }

    /// Gives back what only observers need.
    func endObserving() {
        forgetClosedFeeds()
        feedExecutor?.shutdown()
        feedExecutor = nil
    }

    /// Does to the own state what the first complete item of a feed says.
    func take(feed number: Int) -> WorkerEvent? {
        guard let parcel = observed[number]?.parcels.first, let feed = observed[number]?.feed else {
            return .fedTaken(feed: number, .failed(reason: "what was to be taken is not there"), waiting: 0)
        }
        observed[number]?.parcels.removeFirst()
        #if LOCKSTEP_FAILPOINTS
        if let step = parcel.item.step {
            Failpoints.current.pass(.observing, step: step, core.identity.name) { feed.close() }
        }
        #endif
        // Whoever reads the state for the coordinator reads what it was.
        closeGate()
        let outcome = outcome(of: parcel, from: feed)
        return .fedTaken(feed: number, outcome, waiting: feed.took(parcel))
    }

    private func outcome(of parcel: FeedParcel, from feed: IncomingFeed) -> FeedOutcome {
        switch parcel.item.content {
        case .state(let point): return copy(parcel, point, from: feed)
        case .step(let step): return self.step(step, parcel.vectors)
        case .judgement(let judgement):
            guard
                case .judged(let isStopping, let snapshots, let watchHash) = judge(
                    judgement.sums, step: judgement.step)
            else { return .failed(reason: "S(\(judgement.step)) could not be judged") }
            return .judged(isStopping: isStopping, snapshots: snapshots, watchHash: watchHash)
        case .reports, .still, .begins, .gap: return .noted
        }
    }

    /// Puts the copy into the place of the own state.
    private func copy(_ parcel: FeedParcel, _ point: StatePoint, from feed: IncomingFeed) -> FeedOutcome {
        guard let job, let state, parcel.vectors.count == 2 + state.vectors.count, let last = parcel.vectors.last
        else { return .failed(reason: "the copy of a state has come before the job") }
        let vectors = parcel.vectors.dropLast().map { UnsafePointer($0.pointer) }
        let numbers = last.numbers
        guard let values = StateNumbers(numbers, job: job),
            let watched = job.watch == nil ? WatchState() : WatchState(numbers: values.watch)
        else { return .failed(reason: "the numbers beside the copy of \(point) cannot be") }
        let count = state.layout.count
        let hashes = StateHashes(vectors: vectors, count: count, numbers: numbers, kernels: settings.kernels)
        for (own, vector) in zip([state.parameters] + state.vectors, vectors) { own.update(from: vector, count: count) }
        self.watched = watched
        settings.logger.info("took \(point) from the feed of \(feed.greeting.name)")
        return .copied(held(point, hashes, watched, values, job))
    }

    /// Turns the own S(N−1) into S(N) as the members did.
    private func step(_ step: FedStep, _ vectors: [FloatMemory]) -> FeedOutcome {
        guard let job, let state, let total = vectors.first else {
            return .failed(reason: "a step has come before the job")
        }
        do {
            let executor = try feedExecutor ?? makeFeedExecutor(job)
            feedExecutor = executor
            if let hash = step.stateHash {
                let own = executor.hash(state)
                guard own == hash else { return .differs(own) }
            }
            job.apply(
                step: step.step, totals: step.totals, totalGradient: total.pointer,
                plateauFactor: watched.plateauFactor, to: state, executor, settings.kernels)
            return .stepped(
                job.report(
                    step: step.step, totals: step.totals, plateauFactor: watched.plateauFactor, seconds: step.seconds,
                    computeSeconds: 0, settings.kernels))
        } catch {
            return .failed(reason: (error as? CommandError)?.message ?? String(describing: error).escapedForDisplay())
        }
    }

    /// It computes no lanes, so one thread, this one, takes no core from the members of its host.
    private func makeFeedExecutor(_ job: ResolvedJob) throws -> Executor {
        try Executor(
            plan: job.plan, kernels: settings.kernels, lanes: 0..<1, laneTree: job.laneTree, batchSize: job.batchSize,
            threads: 1)
    }
}

#if LOCKSTEP_FAILPOINTS
extension FeedItem {
    /// Of the state that it makes.
    fileprivate var step: UInt32? {
        switch content {
        case .state(let point): point.step
        case .step(let step): step.step
        case .judgement(let judgement): judgement.step
        case .reports, .still, .begins, .gap: nil
        }
    }
}
#endif
