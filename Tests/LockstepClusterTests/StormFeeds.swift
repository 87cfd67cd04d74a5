import LockstepCluster
import LockstepCollectives
import LockstepCore

/// The feed that a storm gives a worker, and what must hold of what the worker makes of it.
struct StormFeeds {
    /// The newest feed.
    var number = 0
    var isOpen = false
    /// Fed, and not taken.
    var waiting: [FeedItem] = []
    /// Where the source is.
    var point = StatePoint(step: 0)
    var generation: UInt32 = 0
    /// Whether the observer's state is a copy that nothing has confirmed, or known to be wrong.
    private var isDoubtful = false
    private var taking: FeedItem?
    /// The last feed that the worker was told of.
    private var opened = 0

    mutating func open(generation: UInt32) {
        number += 1
        isOpen = true
        self.generation = generation
        waiting = []
    }

    mutating func close() {
        isOpen = false
        waiting = []
    }

    /// The promises that an observer must keep.
    mutating func flaws(
        _ event: WorkerEvent, _ actions: [WorkerAction], _ before: WorkerCore, _ core: WorkerCore
    ) -> [String] {
        var flaws: [String] = []
        note(event, before, &flaws)
        for action in actions {
            switch action {
            case .take(let item, let feed):
                if taking != nil { flaws.append("two items at once") }
                if feed != number || item != waiting.first { flaws.append("an item out of order") }
                if !before.mayBeFed { flaws.append("a feed taken at work") }
                let isFreed = waiting.contains { $0.generation >= before.promised }
                var isFreeze = false
                if case .message(_, .freeze) = event { isFreeze = true }
                if before.state == .frozen, !isFreed, !isFreeze { flaws.append("something new after FROZEN") }
                if !follows(item, before, core) { flaws.append("an item that does not fit") }
                taking = item
                if !waiting.isEmpty { waiting.removeFirst() }
            case .dropFeed(let feed, _):
                if feed == number { close() }
            case .link, .linkToMeasure:
                if opened == number, number > 0,
                    !actions.contains(where: { if case .dropFeed = $0 { true } else { false } }),
                    before.state == .observing
                {
                    flaws.append("a member that is fed")
                }
            case .send(_, .observing(let observing)):
                if observing.source == nil, observing.isCaughtUp { flaws.append("caught up with nobody") }
                if observing.isCaughtUp, isDoubtful { flaws.append("caught up with a doubtful state") }
                if observing.point != core.point { flaws.append("another state is said") }
            case .send(_, .frozen(let frozen)):
                if frozen.holding != nil, isDoubtful { flaws.append("a doubtful state is held") }
            default: break
            }
        }
        return flaws
    }

    private mutating func note(_ event: WorkerEvent, _ before: WorkerCore, _ flaws: inout [String]) {
        switch event {
        case .feedOpened(let feed, _, _, _): opened = feed
        case .levelled: isDoubtful = false
        case .fedTaken(_, let outcome, _):
            guard let item = taking else { return flaws.append("an answer to nothing") }
            taking = nil
            switch (item.content, outcome) {
            case (_, .copied), (_, .differs): isDoubtful = true
            case (.step(let fed), .stepped): if fed.stateHash != nil { isDoubtful = false }
            case (.begins(_, _, let wholeHash), .noted): if wholeHash != nil { isDoubtful = false }
            case (.judgement(let fed), .judged(_, _, let watchHash)):
                if fed.watchHash != watchHash { isDoubtful = true }
            default: break
            }
        default: break
        }
    }

    /// - Parameter before: the core may have stood elsewhere before what it now takes.
    private func follows(_ item: FeedItem, _ before: WorkerCore, _ core: WorkerCore) -> Bool {
        switch item.content {
        case .step(let fed): core.isJudged && fed.step == core.step + 1
        case .judgement(let fed): !core.isJudged && fed.step == core.step
        case .reports, .state, .still, .begins, .gap: true
        }
    }
}

extension WorkerStorm {
    /// A member feeds, or ceases to.
    mutating func feed() {
        switch Int.random(in: 0..<12, using: &random) {
        case 0, 1:
            feeds.open(generation: max(feeds.generation, near(worker.core.promised)))
            let source = Int.random(in: 0..<2, using: &random)
            hear(
                .feedOpened(
                    feed: feeds.number, source: "w\(source)", process: ProcessNumber(UInt64(10 + 2 * source)),
                    generation: feeds.generation))
        case 2:
            guard feeds.isOpen else { return }
            feeds.isOpen = false
            hear(.feedClosed(feed: feeds.number, reason: "reset"))
        default:
            guard feeds.isOpen, feeds.waiting.count < FeedItem.mostWaiting else { return }
            let item = nextItem()
            feeds.waiting.append(item)
            hear(.fed(feed: feeds.number, item))
        }
    }

    /// What a source says next; sometimes it is none that could come.
    private mutating func nextItem() -> FeedItem {
        var point = feeds.point
        let confirmed = StateHash(high: 0, low: hash)
        let content: FeedItem.Content
        switch Int.random(in: 0..<16, using: &random) {
        case 15: content = .gap
        case 14:
            content = .reports(
                steps: [TestWorker.report(UInt32.random(in: 0...6, using: &random))],
                evaluations: [EvaluationReport(epoch: 1, step: 2, sums: [1])])
        case 0, 1:
            point = StatePoint(step: UInt32.random(in: 0...5, using: &random))
            if point.step == 2 || point.step == 4 { point.isJudged = Bool.random(using: &random) }
            content = .state(point)
        case 2: content = .still(promised: max(worker.core.promised, 1), point)
        case 3:
            feeds.generation += 1
            content = .begins(
                start: point, stateHash: confirmed, wholeHash: Bool.random(using: &random) ? confirmed : nil)
        case 4:
            let step = UInt32.random(in: 0...6, using: &random)
            content = .step(
                FedStep(step: step, totals: [1], sampleHashes: [0], stateHash: confirmed, seconds: 1))
        default:
            if point.isJudged {
                point = StatePoint(step: point.step + 1, isJudged: point.step % 2 == 0 && point.step < 5)
                let isHashed = Int.random(in: 0..<4, using: &random) > 0
                content = .step(
                    FedStep(
                        step: point.step, totals: [1], sampleHashes: [0], stateHash: isHashed ? confirmed : nil,
                        seconds: 1))
            } else {
                point.isJudged = true
                content = .judgement(FedJudgement(step: point.step, sums: [1], watchHash: 8))
            }
        }
        feeds.point = point
        return FeedItem(generation: feeds.generation, content)
    }

    /// What the shell makes of an item.
    mutating func taken(_ item: FeedItem, _ feed: Int) -> WorkerEvent {
        let waiting = feed == feeds.number ? feeds.waiting.count : 0
        let isOdd = Int.random(in: 0..<15, using: &random) == 0
        let outcome: FeedOutcome
        switch item.content {
        case _ where isOdd: outcome = .failed(reason: "cut short")
        case .state(let point):
            hash += 1
            outcome = .copied(
                TestWorker.held(point.step, isJudged: point.isJudged, hash: StateHash(high: 0, low: hash)))
        case .step(let fed):
            if Int.random(in: 0..<15, using: &random) == 0 {
                outcome = .differs(StateHash(high: 1, low: hash))
            } else {
                hash += 1
                outcome = .stepped(TestWorker.report(fed.step, epoch: (fed.step + 1) / 2))
            }
        case .judgement:
            outcome = .judged(
                isStopping: false, snapshots: true, watchHash: Int.random(in: 0..<9, using: &random) == 0 ? 9 : 8)
        case .reports, .still, .begins, .gap: outcome = .noted
        }
        return .fedTaken(feed: feed, outcome, waiting: waiting)
    }
}
