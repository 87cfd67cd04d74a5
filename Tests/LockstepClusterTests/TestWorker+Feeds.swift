import LockstepCluster
import LockstepCollectives
import LockstepCore

/// Member w0 feeds the worker.
extension TestWorker {
    static let source = ProcessNumber(10)

    /// One that has said PREPARED, of a job of nine steps.
    static func joiner(validation: TurnSchedule.Validation? = nil) -> TestWorker {
        prepared(preparation(lastStep: 9, validation: validation))
    }

    /// One that has S(5) from w0, and has done step 6 after it.
    static func observing() -> TestWorker {
        var worker = joiner()
        _ = worker.openFeed()
        _ = worker.feed(.state(StatePoint(step: 5)))
        _ = worker.feed(fed(6))
        return worker
    }

    static func fed(_ step: UInt32, hash: StateHash? = hash) -> FeedItem.Content {
        .step(FedStep(step: step, totals: [1, 2], sampleHashes: [3, 4], stateHash: hash, seconds: 1))
    }

    mutating func openFeed(
        _ number: Int = 1, source: String = "w0", process: ProcessNumber = source, generation: UInt32 = 1
    ) -> [WorkerAction] {
        event(.feedOpened(feed: number, source: source, process: process, generation: generation))
    }

    /// Tells of an item only.
    mutating func offer(_ content: FeedItem.Content, generation: UInt32 = 1, feed: Int = 1) -> [WorkerAction] {
        event(.fed(feed: feed, FeedItem(generation: generation, content)))
    }

    /// What the shell says of an item that fits.
    mutating func taken(_ content: FeedItem.Content, feed: Int = 1, waiting: Int = 0) -> [WorkerAction] {
        let outcome: FeedOutcome =
            switch content {
            case .state(let point): .copied(TestWorker.held(point.step, isJudged: point.isJudged))
            case .step(let fed): .stepped(TestWorker.report(fed.step))
            case .judgement(let fed): .judged(isStopping: false, snapshots: true, watchHash: fed.watchHash)
            case .reports, .still, .begins, .gap: .noted
            }
        return event(.fedTaken(feed: feed, outcome, waiting: waiting))
    }

    /// Tells of an item, which the core takes, and which fits.
    mutating func feed(
        _ content: FeedItem.Content, generation: UInt32 = 1, feed: Int = 1, waiting: Int = 0
    ) -> [WorkerAction] {
        let actions = offer(content, generation: generation, feed: feed)
        guard actions.takes == [content] else { return actions }
        return taken(content, feed: feed, waiting: waiting)
    }
}

extension [WorkerAction] {
    /// What is to be taken.
    var takes: [FeedItem.Content] {
        compactMap { if case .take(let item, _) = $0 { item.content } else { nil } }
    }

    /// The numbers of the feeds that are closed.
    var drops: [Int] { compactMap { if case .dropFeed(let feed, _) = $0 { feed } else { nil } } }

    var observing: Observing? {
        messages.compactMap { if case .observing(let observing) = $0 { observing } else { nil } }.last
    }
}
