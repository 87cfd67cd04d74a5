import LockstepCollectives
import LockstepCore
import Testing

@testable import LockstepCluster

/// An observer in freezes and at the beginning of generations.
@Suite struct WorkerObserverFreezeTests {
    private let still = FeedItem.Content.still(promised: 2, StatePoint(step: 7))

    private func begins(
        _ step: UInt32, hash: StateHash = TestWorker.hash, wholeHash: StateHash? = TestWorker.hash
    ) -> FeedItem.Content {
        .begins(start: StatePoint(step: step), stateHash: hash, wholeHash: wholeHash)
    }

    @Test func itFollowsItsSourceToWhereThatStandsStill() {
        var worker = TestWorker.observing()
        #expect(worker.freeze(2).isEmpty && worker.core.state == .draining)
        #expect(worker.feed(TestWorker.fed(7)).isEmpty)
        // A source that stands still for less goes on yet.
        #expect(worker.feed(.still(promised: 1, StatePoint(step: 7))).isEmpty)
        let actions = worker.feed(still)
        #expect(actions.deeds == [.hashState])
        let frozen = worker.standStill(actions)
        #expect(
            frozen
                == Frozen(
                    generation: 2, holding: TestWorker.held(7).holding,
                    agreed: Frozen.Agreement(point: StatePoint(step: 6), hash: TestWorker.hash),
                    source: TestWorker.source, copied: 1))
        // Said once, and again when it is asked again.
        #expect(worker.freeze(2).frozen == frozen)
    }

    @Test func whereItsSourceStandsStillAlreadyItAnswersAtOnce() {
        var worker = TestWorker.observing()
        _ = worker.feed(TestWorker.fed(7))
        _ = worker.feed(still)
        #expect(worker.freeze(2).deeds == [.hashState])
    }

    /// Where it is to be a member of what its source stands still for, that says all that FREEZE would.
    @Test func itStandsStillWithItsSourceForAPlannedChange() {
        var worker = TestWorker.observing()
        #expect(worker.say(.plan(PlannedChange(generation: 2))).isEmpty)
        _ = worker.feed(TestWorker.fed(7))
        #expect(worker.core.state == .observing)
        let frozen = worker.standStill(worker.feed(still))
        #expect(frozen?.generation == 2 && frozen?.holding?.point == StatePoint(step: 7))
        #expect(worker.freeze(2).frozen == frozen)
        // Another change than the planned one, and a state that nothing has confirmed.
        var other = TestWorker.observing()
        _ = other.say(.plan(PlannedChange(generation: 3)))
        _ = other.feed(TestWorker.fed(7))
        #expect(other.feed(still).isEmpty && other.core.state == .observing)
        var late = TestWorker.observing()
        _ = late.say(.plan(PlannedChange(generation: 2)))
        _ = late.feed(.gap)
        #expect(late.feed(still).isEmpty && late.core.state == .observing)
    }

    /// No time that a coordinator names is added up to more than there is.
    @Test func itWaitsForAnHourAtMost() {
        var worker = TestWorker.observing()
        worker.now = 1_000_000_000
        _ = worker.say(.freeze(Freeze(generation: 2, reachLimit: UInt64.max)))
        #expect(worker.core.drainingUntil == 3_601_000_000_000)
    }

    @Test func itWaitsNoLongerThanItIsTold() {
        var worker = TestWorker.observing()
        worker.now = 1_000_000_000
        _ = worker.say(.freeze(Freeze(generation: 2, reachLimit: 700)))
        #expect(worker.core.nextDeadline == 1_000_000_700)
        worker.now += 699
        #expect(worker.event(.tick).isEmpty)
        worker.now += 1
        #expect(worker.standStill(worker.event(.tick))?.holding?.point == StatePoint(step: 6))
        // What comes too late waits until its generation is over, and so does the feed.
        #expect(worker.offer(TestWorker.fed(7)).isEmpty && worker.offer(still).isEmpty)
        #expect(worker.core.step == 6 && worker.core.state == .frozen)
        #expect(worker.offer(begins(7), generation: 2).takes == [TestWorker.fed(7)])
        #expect(worker.taken(TestWorker.fed(7), waiting: 2).takes == [still])
        #expect(worker.taken(still, waiting: 1).takes == [begins(7)])
        #expect(worker.taken(begins(7)).drops.isEmpty)
        #expect(worker.core.step == 7 && worker.core.state == .observing)
    }

    /// What is being taken in comes to its end before anything is answered.
    @Test func anItemInHandIsNotLeftHalfTaken() {
        var worker = TestWorker.observing()
        _ = worker.offer(TestWorker.fed(7))
        _ = worker.freeze(2)
        worker.now += 1_000_000_000
        #expect(worker.event(.tick).isEmpty && worker.core.state == .draining)
        #expect(worker.core.nextDeadline != worker.now - 500_000_000)
        #expect(worker.standStill(worker.taken(TestWorker.fed(7)))?.holding?.point == StatePoint(step: 7))
        worker = TestWorker.observing()
        _ = worker.offer(TestWorker.fed(7))
        _ = worker.freeze(2)
        #expect(worker.event(.feedClosed(feed: 1, reason: "reset")).isEmpty)
        #expect(worker.standStill(worker.taken(TestWorker.fed(7)))?.holding?.point == StatePoint(step: 7))
    }

    /// Another source has nothing that could be waited for.
    @Test func whoseSourceIsReplacedAnswersAtOnce() {
        var worker = TestWorker.observing()
        _ = worker.freeze(2)
        let actions = worker.openFeed(2, source: "w2", process: ProcessNumber(12))
        #expect(worker.standStill(actions)?.holding?.point == StatePoint(step: 6))
    }

    @Test func aCopyIsNotWaitedFor() {
        var worker = TestWorker.joiner()
        _ = worker.openFeed()
        #expect(worker.standStill(worker.freeze(2))?.holding?.point == StatePoint(step: 0))
        // It is taken when it is known that the generation begins without this worker.
        #expect(worker.offer(.state(StatePoint(step: 5))).isEmpty)
        #expect(worker.offer(begins(5), generation: 2).takes == [.state(StatePoint(step: 5))])
    }

    @Test func aCopyThatNothingConfirmsIsNotHeld() {
        var worker = TestWorker.joiner()
        _ = worker.openFeed()
        _ = worker.feed(.state(StatePoint(step: 5)))
        let stands = FeedItem.Content.still(promised: 2, StatePoint(step: 5))
        #expect(worker.standStill(worker.freeze(2) + worker.feed(stands))?.holding == nil)
        _ = worker.offer(begins(5), generation: 2)
        #expect(worker.taken(begins(5)).observing == nil)
        #expect(worker.feed(TestWorker.fed(6), generation: 2).observing?.isCaughtUp == true)
    }

    // MARK: What follows

    @Test func aPromiseIsKeptUntilItsGenerationGoesOn() {
        var worker = TestWorker.observing()
        _ = worker.feed(TestWorker.fed(7))
        #expect(worker.standStill(worker.freeze(2) + worker.feed(still))?.holding != nil)
        // Its source stands still for a later one, which this worker has not heard of.
        #expect(worker.offer(.still(promised: 3, StatePoint(step: 7))).isEmpty)
        #expect(worker.core.state == .frozen)
        #expect(
            worker.standStill(worker.freeze(3) + worker.taken(.still(promised: 3, StatePoint(step: 7))))?.generation
                == 3)
        #expect(worker.offer(begins(7), generation: 3).takes == [begins(7)])
        #expect(worker.core.state == .observing)
    }

    @Test func whatCannotBeTakenEndsTheFeedBeforeItStops() {
        var worker = TestWorker.observing()
        _ = worker.feed(TestWorker.fed(7))
        _ = worker.standStill(worker.freeze(2) + worker.feed(still))
        for step in 8...10 as ClosedRange<UInt32> { #expect(worker.offer(TestWorker.fed(step)).isEmpty) }
        let actions = worker.offer(.gap)
        #expect(actions.drops == [1] && actions.observing?.source == nil && worker.core.state == .frozen)
    }

    @Test func anotherStartThanTheOwnStateNeedsACopy() {
        for start in [
            begins(6), begins(7, hash: StateHash(high: 0, low: 9)), begins(7, wholeHash: StateHash(high: 0, low: 9)),
        ] {
            var worker = TestWorker.observing()
            _ = worker.feed(TestWorker.fed(7))
            _ = worker.standStill(worker.freeze(2) + worker.feed(still))
            #expect(worker.feed(start, generation: 2).observing?.isCaughtUp == false)
            #expect(worker.offer(TestWorker.fed(8), generation: 2).drops == [1])
        }
    }

    @Test func theNumberOfAGenerationThatItFollowsIsPromised() {
        var worker = TestWorker.observing()
        _ = worker.feed(TestWorker.fed(7))
        _ = worker.feed(still)
        _ = worker.feed(begins(7), generation: 2)
        // The freeze of a generation that goes on already.
        #expect(worker.freeze(2).isEmpty && worker.core.state == .observing)
        #expect(worker.freeze(3).isEmpty && worker.core.state == .draining)
    }

    // MARK: Promotion

    @Test func whoHoldsTheStartIsAMemberAtOnce() {
        var worker = TestWorker.observing()
        _ = worker.feed(TestWorker.fed(7))
        _ = worker.standStill(worker.freeze(2) + worker.feed(still))
        let roster = TestWorker.roster(2, start: StatePoint(step: 7), wholeHash: TestWorker.hash, members: 2)
        let start = TestWorker.start(roster)
        let actions = worker.say(.start(start))
        #expect(actions == [.dropFeed(1, reason: "w1 is a member now"), .link(start)])
        #expect(worker.event(.linked(peer: "w0", generation: 2)).contains(.begin(Turn(.train, step: 8))))
        #expect(!worker.core.mayBeFed)
        #expect(worker.offer(begins(7), generation: 2).isEmpty)
        #expect(worker.openFeed(2, generation: 2).drops == [2])
        // From the first turn in which all had the same on its voice is its own.
        #expect(worker.standStill(worker.freeze(3))?.source == TestWorker.source)
    }

    @Test func aTurnMakesItsVoiceItsOwn() throws {
        var worker = TestWorker.observing()
        _ = worker.feed(TestWorker.fed(7))
        _ = worker.standStill(worker.freeze(2) + worker.feed(still))
        _ = worker.start(TestWorker.roster(2, start: StatePoint(step: 7)))
        _ = try worker.step(8)
        #expect(worker.standStill(worker.freeze(3)) != nil)
        #expect(worker.core.step == 8)
        #expect(worker.freeze(3).frozen?.source == nil)
    }

    @Test func whoObservesIsNotStarted() {
        var worker = TestWorker.observing()
        #expect(worker.start(TestWorker.roster(2)).isEmpty && worker.core.state == .observing)
    }

    @Test func aMemberThatWasLeftOutObserves() throws {
        var worker = TestWorker.running(TestWorker.preparation(lastStep: 9))
        _ = try worker.step(1)
        _ = worker.event(.linkLost(peer: "w2", generation: 1, reason: "reset"))
        #expect(worker.standStill(worker.freeze(2), outOfReach: ["w2"])?.outOfReach == ["w2"])
        let opened = worker.openFeed(generation: 2)
        #expect(opened.deeds == [.endFeeds(reason: "w1 is no member any more")] && worker.core.state == .frozen)
        #expect(worker.feed(.state(StatePoint(step: 4)), generation: 2).isEmpty)
        #expect(worker.core.step == 4 && worker.core.state == .observing)
        // Links of a roster that is over are nobody's concern.
        _ = worker.event(.feedClosed(feed: 1, reason: ""))
        #expect(worker.freeze(3).deeds == [.hashState])
    }

    /// After a planned change links stay open until a START, which does not come.
    @Test func whoObservesLeavesTheLinksOfItsLastGeneration() throws {
        var worker = TestWorker.running(TestWorker.preparation(lastStep: 9))
        _ = worker.standStill(try worker.step(1, asked: 2))
        _ = worker.openFeed(generation: 2)
        #expect(worker.offer(.state(StatePoint(step: 1)), generation: 2).deeds.first == .park)
    }
}
