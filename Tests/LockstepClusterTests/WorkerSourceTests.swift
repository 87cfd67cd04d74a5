import LockstepCluster
import LockstepCollectives
import LockstepCore
import Testing

/// FEED, PREFLIGHT, and what a source does for those that it feeds.
@Suite struct WorkerSourceTests {
    private let address = WorkerAddress(name: "w5", process: ProcessNumber(15), host: "h", ports: [1])
    private var feed: Feed { Feed(observer: address) }
    private var lost: FeedLost { FeedLost(observer: "w5", process: ProcessNumber(15), reason: "reset") }

    @Test func aMemberFeedsWhomItIsTold() {
        var worker = TestWorker.running()
        #expect(worker.say(.feed(feed)) == [.feed(feed)])
        // Also while it stands still: the copy is made when it goes on.
        _ = worker.standStill(worker.freeze(2))
        #expect(worker.say(.feed(feed)) == [.feed(feed)])
        #expect(worker.event(.feedLost(lost)) == [worker.sent(.feedLost(lost))])
    }

    @Test func whoIsAtNothingSaysSo() {
        var worker = TestWorker.joiner()
        #expect(worker.say(.feed(feed)).messages.map(\.type) == ["feedLost"])
        worker = TestWorker.observing()
        #expect(worker.say(.feed(feed)).messages.map(\.type) == ["feedLost"])
        worker = TestWorker.running()
        let own = WorkerAddress(name: "w1", process: ProcessNumber(11), host: "h", ports: [1])
        #expect(worker.say(.feed(Feed(observer: own))).messages.map(\.type) == ["feedLost"])
    }

    /// The worker is the only member.
    private func alone(_ generation: UInt32) -> Roster {
        Roster(
            generation: generation, members: Array(TestWorker.roster(1).members[1...1]), start: StatePoint(step: 0),
            stateHash: TestWorker.hash, exchange: ExchangeSettings())
    }

    private func hashes(_ actions: [WorkerAction]) -> Bool? {
        actions.compactMap { if case .record(_, _, _, let hashesState) = $0 { hashesState } else { nil } }.first
    }

    /// It has nobody to compare with, but those whom it feeds have.
    @Test func whoIsAloneHashesWhileItFeeds() throws {
        var worker = TestWorker.joiner()
        _ = worker.start(alone(1))
        #expect(hashes(worker.event(.computed(Turn(.train, step: 1)))) == false)
        // The record in hand is as it is: what is in it is no hash.
        _ = worker.say(.feed(feed))
        _ = worker.event(.recorded(Turn(.train, step: 1), nil))
        _ = worker.event(TestWorker.finished(Turn(.train, step: 1), try TestWorker.summary(hashes: [0])))
        _ = worker.event(.updated(TestWorker.report(1)))
        var other = worker
        #expect(other.standStill(other.freeze(2))?.agreed == nil)
        #expect(hashes(worker.event(.computed(Turn(.train, step: 2)))) == true)
        _ = worker.event(TestWorker.finished(Turn(.train, step: 2), try TestWorker.summary(hashes: [1])))
        _ = worker.event(.updated(TestWorker.report(2)))
        _ = worker.event(.feedLost(lost))
        #expect(hashes(worker.event(.computed(Turn(.train, step: 3)))) == false)
        #expect(worker.standStill(worker.freeze(2))?.agreed?.point == StatePoint(step: 1))
    }

    @Test func aMemberIsFedByNobody() throws {
        var worker = TestWorker.joiner()
        _ = worker.start(alone(1))
        let member = WorkerAddress(name: "w0", process: ProcessNumber(10), host: "h", ports: [1])
        _ = worker.say(.feed(Feed(observer: member)))
        #expect(hashes(worker.event(.computed(Turn(.train, step: 1)))) == true)
        _ = worker.standStill(worker.freeze(2))
        _ = worker.start(TestWorker.roster(2, members: 2))
        _ = worker.standStill(worker.freeze(3))
        _ = worker.start(alone(3))
        #expect(hashes(worker.event(.computed(Turn(.train, step: 1)))) == false)
    }

    @Test func whoIsDistrustedFeedsNobody() {
        var worker = TestWorker.running()
        _ = worker.say(.feed(feed))
        _ = worker.standStill(worker.freeze(2))
        let roster = TestWorker.roster(2, holders: ["w0"], distrusted: [ProcessNumber(11)])
        let start = TestWorker.start(roster)
        #expect(
            worker.say(.start(start)) == [.endFeeds(reason: "the state of w1 was not the run's"), .link(start)])
    }

    // MARK: Preflights

    @Test func aPreflightIsAnsweredByWhoStandsStill() {
        let preflight = Preflight(generation: 4, members: [address])
        for var worker in [TestWorker.joiner(), TestWorker.observing()] {
            #expect(worker.say(.preflight(preflight)) == [.preflight(preflight)])
            let next = Preflight(generation: 5, members: [])
            _ = worker.say(.preflight(next))
            // The answer to an older one.
            #expect(worker.event(.preflighted(generation: 4, outOfReach: [])).isEmpty)
            let answer = Preflighted(generation: 5, outOfReach: ["w5"])
            #expect(
                worker.event(.preflighted(generation: 5, outOfReach: ["w5"])) == [worker.sent(.preflighted(answer))])
            #expect(worker.event(.preflighted(generation: 5, outOfReach: [])).isEmpty)
        }
        var worker = TestWorker.running()
        #expect(worker.say(.preflight(preflight)).isEmpty)
    }

    /// It has nothing to do with whether it stands still.
    @Test func aPreflightHoldsNothingUp() {
        var worker = TestWorker.joiner()
        _ = worker.say(.preflight(Preflight(generation: 4, members: [address])))
        #expect(worker.standStill(worker.freeze(5)) != nil)
        #expect(worker.event(.preflighted(generation: 4, outOfReach: [])).messages.map(\.type) == ["preflighted"])
    }
}
