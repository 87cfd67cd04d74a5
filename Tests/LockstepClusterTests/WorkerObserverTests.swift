import LockstepCluster
import LockstepCollectives
import LockstepCore
import Testing

/// What a worker that is no member makes of its feed.
@Suite struct WorkerObserverTests {
    // MARK: Taking

    @Test func aCopyIsTakenAndThenEveryStep() {
        var worker = TestWorker.joiner()
        #expect(
            worker.openFeed() == [
                worker.sent(.observing(Observing(source: "w0", isCaughtUp: false, point: StatePoint(step: 0))))
            ])
        #expect(worker.core.state == .observing && worker.core.stage == .observing)
        let state = FeedItem(generation: 1, .state(StatePoint(step: 5)))
        #expect(worker.event(.fed(feed: 1, state)) == [.take(state, feed: 1)])
        // One at a time.
        #expect(worker.offer(TestWorker.fed(6)).isEmpty)
        #expect(worker.taken(state.content, waiting: 1).takes == [TestWorker.fed(6)])
        #expect(worker.core.point == StatePoint(step: 5))
        #expect(
            worker.taken(TestWorker.fed(6)) == [
                worker.sent(.observing(Observing(source: "w0", isCaughtUp: true, point: StatePoint(step: 6))))
            ])
        #expect(worker.core.step == 6 && worker.core.lastEpoch == [1, 2] && worker.core.epochSampleSum == 7)
        // What does not change is not said.
        #expect(worker.feed(TestWorker.fed(7)).isEmpty)
        #expect(worker.core.step == 7 && worker.core.lastEpoch == [2, 4] && worker.core.epochSampleSum == 14)
    }

    /// A copy is its source's word alone.
    @Test func nobodyIsCaughtUpWithACopyThatNothingConfirms() {
        var worker = TestWorker.joiner()
        _ = worker.openFeed()
        #expect(worker.feed(.state(StatePoint(step: 5))).isEmpty)
        #expect(worker.feed(TestWorker.fed(6, hash: nil)).isEmpty)
        #expect(worker.feed(TestWorker.fed(7)).observing?.isCaughtUp == true)
    }

    @Test func whoFallsBehindSaysSo() {
        var worker = TestWorker.observing()
        #expect(worker.feed(TestWorker.fed(7), waiting: FeedItem.mostWaiting - 1).isEmpty)
        #expect(worker.feed(TestWorker.fed(8), waiting: FeedItem.mostWaiting).observing?.isCaughtUp == false)
        #expect(worker.feed(TestWorker.fed(9), waiting: 1).isEmpty)
        #expect(worker.feed(.still(promised: 2, StatePoint(step: 9))).observing?.isCaughtUp == true)
    }

    @Test func aValidationIsJudgedWhereItsSourceJudgesIt() {
        var worker = TestWorker.joiner(validation: .init(batches: 2, stepsPerEpoch: 3))
        _ = worker.openFeed()
        _ = worker.feed(.state(StatePoint(step: 5)))
        _ = worker.feed(TestWorker.fed(6))
        #expect(worker.core.point == StatePoint(step: 6, isJudged: false))
        // It is no state to go on from before that.
        var other = worker
        #expect(other.offer(TestWorker.fed(7)).drops == [1])
        let judgement = FedJudgement(step: 6, sums: [1, 2], watchHash: 8)
        #expect(worker.feed(.judgement(judgement)).isEmpty)
        #expect(worker.core.point == StatePoint(step: 6))
        let frozen = worker.standStill(worker.freeze(2) + worker.feed(.still(promised: 2, StatePoint(step: 6))))
        #expect(frozen?.isBest == true && frozen?.holding?.point == StatePoint(step: 6))
    }

    // MARK: What does not fit

    @Test func whatDoesNotFitEndsTheFeed() {
        let judgement = FedJudgement(step: 6, sums: [1], watchHash: 8)
        let wrong: [FeedItem.Content] = [
            TestWorker.fed(6), TestWorker.fed(8), TestWorker.fed(0), .judgement(judgement),
            .still(promised: 2, StatePoint(step: 5)), .state(StatePoint(step: 10)),
            .state(StatePoint(step: 5, isJudged: false)),
        ]
        for content in wrong {
            var worker = TestWorker.observing()
            let actions = worker.offer(content)
            #expect(actions.drops == [1] && actions.takes.isEmpty, "\(content)")
            #expect(actions.observing?.source == nil && actions.observing?.reason?.contains("does not fit") == true)
            #expect(worker.core.state == .observing && worker.core.step == 6)
            // It is over: what else of it comes counts for nothing.
            #expect(worker.offer(TestWorker.fed(7)).isEmpty)
        }
        var worker = TestWorker.joiner()
        _ = worker.openFeed()
        #expect(worker.offer(TestWorker.fed(1)).drops == [1])
        worker = TestWorker.observing()
        #expect(worker.offer(TestWorker.fed(7), generation: 0).drops == [1])
        worker = TestWorker.observing()
        #expect(worker.event(.fed(feed: 1, FeedItem(generation: 1, TestWorker.fed(7)))).takes.count == 1)
        #expect(worker.event(.fedTaken(feed: 1, .noted, waiting: 0)).drops == [1])
    }

    @Test func afterTheLastStepNothingComes() {
        var worker = TestWorker.observing()
        for step in 7...9 as ClosedRange<UInt32> { #expect(worker.feed(TestWorker.fed(step)).drops.isEmpty) }
        #expect(worker.offer(TestWorker.fed(10)).drops == [1])
    }

    /// Whose state is not that of the members holds nothing until it has another copy.
    @Test func aStateThatDiffersIsNone() {
        var worker = TestWorker.observing()
        _ = worker.offer(TestWorker.fed(7))
        let actions = worker.event(.fedTaken(feed: 1, .differs(StateHash(high: 0, low: 2)), waiting: 0))
        #expect(actions.drops == [1] && actions.observing?.source == nil && worker.core.step == 6)
        #expect(worker.standStill(worker.freeze(2))?.holding == nil)
        _ = worker.openFeed(2, generation: 2)
        _ = worker.feed(.state(StatePoint(step: 7)), generation: 2, feed: 2)
        _ = worker.feed(TestWorker.fed(8), generation: 2, feed: 2)
        let drained = worker.freeze(3) + worker.feed(.still(promised: 3, StatePoint(step: 8)), generation: 2, feed: 2)
        #expect(worker.standStill(drained)?.holding?.point == StatePoint(step: 8))
    }

    @Test func aJudgementThatDiffersIsNoneEither() {
        var worker = TestWorker.joiner(validation: .init(batches: 2, stepsPerEpoch: 3))
        _ = worker.openFeed()
        _ = worker.feed(.state(StatePoint(step: 5)))
        _ = worker.feed(TestWorker.fed(6))
        _ = worker.offer(.judgement(FedJudgement(step: 6, sums: [1], watchHash: 8)))
        let other = FeedOutcome.judged(isStopping: false, snapshots: false, watchHash: 9)
        #expect(worker.event(.fedTaken(feed: 1, other, waiting: 0)).drops == [1])
        #expect(worker.standStill(worker.freeze(2))?.holding == nil)
    }

    // MARK: Sources

    @Test func whatCameBeforeTheEndOfAFeedIsTaken() {
        var worker = TestWorker.observing()
        _ = worker.offer(TestWorker.fed(7))
        _ = worker.offer(TestWorker.fed(8))
        #expect(worker.event(.feedClosed(feed: 1, reason: "reset")).isEmpty)
        #expect(worker.taken(TestWorker.fed(7), waiting: 1).takes == [TestWorker.fed(8)])
        #expect(
            worker.taken(TestWorker.fed(8)) == [
                worker.sent(
                    .observing(
                        Observing(source: nil, isCaughtUp: false, point: StatePoint(step: 8), reason: "reset")))
            ])
        #expect(worker.core.state == .observing && worker.core.mayBeFed)
        // Nobody is there to wait for.
        #expect(worker.standStill(worker.freeze(2))?.holding?.point == StatePoint(step: 8))
    }

    @Test func theNewestFeedCounts() {
        var worker = TestWorker.observing()
        let actions = worker.openFeed(2, source: "w2", process: ProcessNumber(12))
        #expect(actions.drops == [1])
        #expect(actions.observing == Observing(source: "w2", isCaughtUp: false, point: StatePoint(step: 6)))
        #expect(worker.offer(TestWorker.fed(7)).isEmpty)
        #expect(worker.event(.feedClosed(feed: 1, reason: "reset")).isEmpty)
        // It begins with a copy.
        #expect(worker.feed(.state(StatePoint(step: 6)), generation: 2, feed: 2).drops.isEmpty)
        // Whoever is behind cannot feed.
        #expect(worker.openFeed(3, generation: 1).drops == [3])
        #expect(worker.feed(TestWorker.fed(7), generation: 2, feed: 2).observing?.source == "w2")
        #expect(
            worker.standStill(worker.freeze(3) + worker.event(.feedClosed(feed: 2, reason: "")))?.source
                == ProcessNumber(12))
    }

    @Test func aFeedThatIsReplacedInTheMidstOfAnItemLeavesWhatItDid() {
        var worker = TestWorker.observing()
        _ = worker.offer(TestWorker.fed(7))
        _ = worker.openFeed(2, source: "w2", process: ProcessNumber(12))
        #expect(worker.offer(.state(StatePoint(step: 7)), feed: 2).isEmpty)
        #expect(worker.taken(TestWorker.fed(7)).takes == [.state(StatePoint(step: 7))])
        #expect(worker.core.step == 7)
    }

    @Test func aGapIsFollowedByACopy() {
        var worker = TestWorker.observing()
        #expect(worker.feed(.gap).observing == Observing(source: "w0", isCaughtUp: false, point: StatePoint(step: 6)))
        var other = worker
        #expect(other.offer(TestWorker.fed(7)).drops == [1])
        _ = worker.feed(.state(StatePoint(step: 8)))
        #expect(worker.feed(TestWorker.fed(9)).observing?.isCaughtUp == true)
    }

    // MARK: Reports

    @Test func stepsAreKeptAndNotReported() {
        var worker = TestWorker.observing()
        worker.now = 1_000_000_000
        #expect(worker.event(.tick).isEmpty)
        #expect((worker.core.nextDeadline ?? 0) > worker.now)
        let frozen = worker.freeze(2) + worker.feed(.still(promised: 2, StatePoint(step: 6)))
        #expect(frozen.reported == [6])
        let report = frozen.progress.flatMap(\.reports).first
        #expect(report?.generation == 1 && report?.sampleHashes == [3, 4] && report?.epochSampleSum == 7)
    }

    /// Whoever has the state of a lost source reports for it too.
    @Test func withACopyGoWhatItsSourceHasNotReported() throws {
        var source = TestWorker.running(TestWorker.preparation(lastStep: 9))
        for step in 1...3 as ClosedRange<UInt32> { _ = try source.step(step) }
        _ = source.event(.heard(reportedStep: 1))
        // Sent is not had.
        source.now = 1_000_000_000
        #expect(source.event(.tick).reported == [2, 3])
        let items = source.core.copyItems
        #expect(items.count == 2 && items.last == FeedItem(generation: 1, .state(StatePoint(step: 3))))
        var worker = TestWorker.joiner()
        _ = worker.openFeed()
        for item in items { _ = worker.feed(item.content) }
        _ = worker.feed(TestWorker.fed(4))
        let frozen = worker.freeze(2) + worker.feed(.still(promised: 2, StatePoint(step: 4)))
        #expect(frozen.reported == [2, 3, 4])
        #expect(frozen.progress.flatMap(\.reports).first == TestWorker.told(2))
        // What nobody could report ends the feed.
        var odd = TestWorker.report(4)
        odd.epoch = 0
        worker = TestWorker.observing()
        #expect(worker.offer(.reports(steps: [odd], evaluations: [])).drops == [1])
    }

    @Test func whatTheCoordinatorHasIsForgotten() {
        var worker = TestWorker.observing()
        _ = worker.feed(TestWorker.fed(7))
        _ = worker.event(.heard(reportedStep: 6))
        #expect((worker.freeze(2) + worker.feed(.still(promised: 2, StatePoint(step: 7)))).reported == [7])
    }

    @Test func afterWELCOMEItSaysWhatItIs() {
        var worker = TestWorker.observing()
        _ = worker.event(.controlLost(worker.connection, reason: "reset"))
        #expect(worker.feed(TestWorker.fed(7)).isEmpty)
        worker.connection = ConnectionNumber(2)
        _ = worker.event(.connected(worker.connection))
        let actions = worker.say(TestWorker.welcome(incarnation: 2, reportedStep: 5))
        #expect(actions.messages.map(\.type) == ["prepared", "progress", "observing"])
        #expect(actions.reported == [6, 7] && actions.observing?.isCaughtUp == true)
        #expect(worker.core.standing.running == 0 && worker.core.standing.promised == 1)
    }

    @Test func whoKeepsTooMuchTakesNothing() {
        var worker = TestWorker.prepared(TestWorker.preparation(lastStep: 100_000))
        _ = worker.openFeed()
        _ = worker.feed(.state(StatePoint(step: 0)))
        for step in 1...65_536 as ClosedRange<UInt32> { _ = worker.feed(TestWorker.fed(step)) }
        #expect(worker.core.step == 65_536)
        #expect(worker.offer(TestWorker.fed(65_537)).isEmpty)
        #expect(worker.event(.heard(reportedStep: 1)).takes == [TestWorker.fed(65_537)])
    }
}
