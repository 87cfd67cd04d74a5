import LockstepCluster
import LockstepCore
import Testing

/// From PREPARED in mid-run to a feed, and from one feed to the next.
@Suite struct CoordinatorObserverTests {
    private func comes(_ conversation: inout Conversation, _ name: String, _ connection: Int) -> [CoordinatorAction] {
        conversation.join(name, connection)
        return conversation.prepared(connection, host: "10.0.0.\(connection)", ports: [7, 8])
    }

    /// Ticks until something happens, while all live.
    private func wait(
        _ conversation: inout Conversation, _ connections: [Int], seconds: Int = 200,
        for isAwaited: ([CoordinatorAction]) -> Bool
    ) -> UInt64? {
        let start = conversation.now
        for _ in 0..<(4 * seconds) {
            conversation.now += 250_000_000
            for connection in connections {
                let pong = Pong(nonce: 1, step: 9, stage: .forward, waitingFor: [])
                let actions = conversation.say(connection, .pong(pong))
                if isAwaited(actions) { return (conversation.now - start) / 1_000_000_000 }
            }
            _ = conversation.progress(0, conversation.core.roster?.generation ?? 0, next(conversation))
            if isAwaited(conversation.event(.tick)) { return (conversation.now - start) / 1_000_000_000 }
        }
        return nil
    }

    private func next(_ conversation: Conversation) -> ClosedRange<UInt32> {
        let step = conversation.core.lastReported + 1
        return step...step
    }

    // MARK: Preflight

    @Test func whoCanReachAllMembersIsFed() {
        var conversation = Conversation.running(2)
        let asked = comes(&conversation, "w2", 2).preflights
        #expect(asked.keys.sorted() == [2] && asked[2]?.generation == 1)
        #expect(asked[2]?.members.map(\.name) == ["w0", "w1"] && asked[2]?.limit == 5_000_000_000)
        // An answer to something else is none.
        let other = Preflighted(generation: 0, outOfReach: [])
        #expect(conversation.say(2, .preflighted(other)).isEmpty)
        let told = conversation.preflighted(2)
        #expect(told.feeds == [0: ["w2"]])
        let address = WorkerAddress(name: "w2", process: ProcessNumber(2), host: "10.0.0.2", ports: [7, 8])
        #expect(told.contains(.send(ConnectionNumber(0), .feed(Feed(observer: address)))))
        // Once.
        #expect(conversation.preflighted(2).isEmpty && conversation.event(.tick).feeds.isEmpty)
    }

    @Test func whoCannotReachAllIsLeftOut() {
        var conversation = Conversation.running(2)
        _ = comes(&conversation, "w2", 2)
        let told = conversation.preflighted(2, outOfReach: ["w1"])
        #expect(told.feeds.isEmpty)
        #expect(told.warnings == ["worker w2 is left out for now: from there it cannot reach w1"])
        // It is asked again after 10 s, then after 20 s.
        for seconds in [10, 20] as [UInt64] {
            let waited = wait(&conversation, [0, 1, 2]) { $0.preflights[2] != nil }
            #expect(waited.map { $0 == seconds || $0 == seconds + 1 } == true, "\(String(describing: waited))")
            _ = conversation.preflighted(2, outOfReach: ["w1"])
        }
        // One that does not answer is left out too.
        var silent = Conversation.running(1)
        _ = comes(&silent, "w1", 1)
        let waited = wait(&silent, [0, 1]) { $0.warnings.contains { $0.hasSuffix("reach all members") } }
        #expect(waited == 15)
    }

    @Test func nobodyIsAskedWhileNothingWorks() {
        var conversation = Conversation(workers: 1)
        conversation.join("w0", 0)
        conversation.join("w1", 1)
        #expect(conversation.prepared(0).starts.count == 1)
        // Links are being made.
        #expect(conversation.prepared(1).preflights.isEmpty)
        #expect(conversation.linked([0], 1).preflights.keys.sorted() == [1])
        _ = conversation.event(.stopRequested(reason: "SIGTERM"))
        #expect(conversation.preflighted(1).feeds.isEmpty)
    }

    // MARK: Sources

    @Test func observersAreSpreadOverTheMembers() {
        var conversation = Conversation.running(3)
        var told: [Int: [String]] = [:]
        for index in 3..<7 {
            _ = comes(&conversation, "w\(index)", index)
            told.merge(conversation.preflighted(index).feeds) { $0 + $1 }
        }
        #expect(told == [0: ["w3", "w6"], 1: ["w4"], 2: ["w5"]])
        // Who leaves feeds nobody anew.
        var leaving = Conversation.running(2)
        _ = leaving.say(0, .leaving(Leaving(reason: "SIGTERM")))
        _ = comes(&leaving, "w2", 2)
        #expect(leaving.preflighted(2).feeds == [1: ["w2"]])
    }

    @Test func aFeedThatIsNotHeardOfGoesToAnother() {
        var conversation = Conversation.running(2)
        _ = comes(&conversation, "w2", 2)
        #expect(conversation.preflighted(2).feeds == [0: ["w2"]])
        let waited = wait(&conversation, [0, 1, 2]) { $0.feeds == [1: ["w2"]] }
        #expect(waited == 10)
        // It is open, and nothing comes of it.
        let opened = conversation.observing(2, "w1")
        #expect(opened.infos == ["worker w2 observes; w1 feeds it"])
        #expect(wait(&conversation, [0, 1, 2]) { $0.feeds == [0: ["w2"]] } == 60)
    }

    @Test func aLostFeedGoesToAnotherAtOnce() {
        var conversation = Conversation.running(3)
        _ = comes(&conversation, "w3", 3)
        #expect(conversation.preflighted(3).feeds == [0: ["w3"]])
        // Another member has nothing to say about it.
        #expect(conversation.lose(3, from: 1).isEmpty)
        #expect(conversation.lose(3, from: 0).feeds == [1: ["w3"]])
        // What it says of the first one now is old.
        #expect(conversation.observing(3, nil, reason: "reset").isEmpty)
        #expect(conversation.observing(3, "w1").infos == ["worker w3 observes; w1 feeds it"])
        let lost = conversation.observing(3, nil, reason: "reset")
        #expect(lost.infos == ["worker w3 observes no more: reset"] && lost.feeds == [2: ["w3"]])
    }

    @Test func afterThreeFeedsItIsTakenAsItIs() {
        var conversation = Conversation.running(2)
        _ = comes(&conversation, "w2", 2)
        _ = conversation.preflighted(2)
        var warnings: [String] = []
        for source in [0, 1, 0] { warnings += conversation.lose(2, from: source).warnings }
        #expect(warnings == ["worker w2 could not be fed: it copies the state when it becomes a member"])
        #expect(conversation.core.workerReadings.last?.role == .waiting)
        #expect(conversation.wait().plans == [0: 2, 1: 2, 2: 2])
        _ = conversation.frozen(0, 2, 7)
        _ = conversation.frozen(1, 2, 7)
        let roster = conversation.frozen(2, 2, 0, hash: conversation.hash).starts[2]?.roster
        #expect(roster?.members.count == 3 && roster?.holders == ["w0", "w1"])
    }

    @Test func aFeedThatBreaksAgainAndAgainPauses() {
        var conversation = Conversation.running(1) { $0.spares = 1 }
        _ = conversation.observe("w1", 1)
        for _ in 0..<2 {
            #expect(conversation.lose(1, from: 0).feeds == [0: ["w1"]])
            _ = conversation.observing(1, "w0")
            _ = conversation.observing(1, "w0", isCaughtUp: true, step: 4)
        }
        #expect(conversation.lose(1, from: 0).feeds.isEmpty)
        #expect(wait(&conversation, [0, 1]) { $0.feeds == [0: ["w1"]] } == 1)
        _ = conversation.observing(1, "w0")
        _ = conversation.lose(1, from: 0)
        #expect(wait(&conversation, [0, 1]) { $0.feeds == [0: ["w1"]] } == 2)
        // One that lasts is no such feed.
        _ = conversation.observing(1, "w0")
        _ = conversation.observing(1, "w0", isCaughtUp: true, step: 4)
        #expect(wait(&conversation, [0, 1], seconds: 70) { !$0.feeds.isEmpty } == nil)
        #expect(conversation.lose(1, from: 0).feeds == [0: ["w1"]])
    }

    // MARK: Generations

    @Test func anObserverThatGoesIsNotMissed() {
        var conversation = Conversation.running(2)
        _ = conversation.observe("w2", 2)
        let gone = conversation.closed(2)
        #expect(gone.freezes.isEmpty && gone.warnings.isEmpty && conversation.core.mode == .running)
        #expect(gone.infos.first?.hasPrefix("worker w2 is gone; it was observing: ") == true)
        #expect(conversation.wait().plans.isEmpty)
        #expect(conversation.core.incidentCount == 0)
    }

    @Test func whoseSourceIsGoneIsFedByAnother() {
        var conversation = Conversation.running(3) { $0.spares = 1 }
        _ = conversation.observe("w3", 3)
        // The plan to keep it as a spare is upset by another, that nobody awaits.
        _ = comes(&conversation, "w4", 4)
        #expect(conversation.closed(0).freezes == [1: 2, 2: 2, 3: 2, 4: 2])
        _ = conversation.frozen(1, 2, 6)
        _ = conversation.frozen(2, 2, 6)
        // The spare was behind.
        let started = conversation.frozen(3, 2, 5)
        #expect(started.starts.keys.sorted() == [1, 2])
        let linked = conversation.linked([1, 2], 2)
        #expect(linked.infos.contains("worker w3 observes no more: w0 is no member any more"))
        #expect(linked.feeds == [1: ["w3"]] && linked.preflights.keys.sorted() == [4])
    }

    @Test func whoMayNotReachANewMemberIsAskedAgain() {
        var conversation = Conversation.running(1) { $0.spares = 1 }
        _ = conversation.observe("w1", 1)
        // One more than is kept.
        _ = conversation.observe("w2", 2)
        #expect(conversation.wait().plans == [0: 2, 1: 2])
        _ = conversation.frozen(0, 2, 7)
        #expect(conversation.frozen(1, 2, 7).starts.keys.sorted() == [0, 1])
        let asked = conversation.linked([0, 1], 2).preflights
        #expect(asked.keys.sorted() == [2] && asked[2]?.members.map(\.name) == ["w0", "w1"])
        #expect(conversation.preflighted(2, outOfReach: ["w1"]).warnings.count == 1)
        // It is still fed, but no member together with one that it cannot reach.
        #expect(conversation.closed(0).freezes == [1: 3, 2: 3])
        #expect(conversation.frozen(2, 3, 8).isEmpty)
        #expect(conversation.frozen(1, 3, 8).starts.keys.sorted() == [1])
    }

    @Test func aStateThatProvesWrongIsCopiedAnew() {
        var conversation = Conversation.running(3) { $0.spares = 1 }
        _ = conversation.observe("w3", 3)
        _ = conversation.closed(2)
        _ = conversation.frozen(3, 2, 6, hash: StateHash(high: 8, low: 8))
        _ = conversation.frozen(0, 2, 6)
        let roster = conversation.frozen(1, 2, 6).starts[0]?.roster
        #expect(roster?.members.map(\.name) == ["w0", "w1"] && roster?.distrusted == [ProcessNumber(3)])
        #expect(conversation.linked([0, 1], 2).feeds == [0: ["w3"]])
        // What it said before it heard of that does not count.
        _ = conversation.observing(3, "w0", isCaughtUp: true, step: 6)
        #expect(conversation.wait().plans.isEmpty)
        _ = conversation.observing(3, "w0")
        _ = conversation.observing(3, "w0", isCaughtUp: true, step: 8)
        #expect(conversation.wait().plans == [0: 3, 1: 3, 3: 3])
        for index in [0, 1] { _ = conversation.frozen(index, 3, 9) }
        var frozen = Conversation.frozen(3, 9)
        frozen.copied = 2
        let next = conversation.say(3, .frozen(frozen)).starts[3]?.roster
        #expect(next?.holders == ["w0", "w1", "w3"] && next?.distrusted == [])
    }

    @Test func aRestartedCoordinatorLearnsOfFeeds() {
        let history = JournalRecord.replay(Conversation.running(1).core.journal)
        var conversation = Conversation(workers: 1) { $0.history = history }
        _ = conversation.hello("w1", 1, isPrepared: true)
        _ = conversation.hello("w1", 101, process: 1, purpose: .bulk)
        _ = conversation.prepared(1)
        _ = conversation.observing(1, "w0", isCaughtUp: true, step: 4)
        _ = conversation.hello("w0", 0, running: 1, isPrepared: true)
        _ = conversation.hello("w0", 100, process: 0, purpose: .bulk)
        // It is not fed a second time.
        #expect(conversation.core.mode == .running)
        #expect(conversation.preflighted(1).feeds.isEmpty)
        #expect(conversation.core.workerReadings.last?.source == "w0")
        #expect(conversation.wait().plans == [0: 2, 1: 2])
    }
}
