import LockstepCluster
import LockstepCore
import Testing

/// Who comes, and who is let in.
@Suite struct CoordinatorHelloTests {
    /// An earlier coordinator had it measure; of that nothing is known any more.
    @Test func whoIsInATrialOfAnEarlierCoordinatorsStandsStill() {
        var conversation = Conversation(workers: 2)
        #expect(conversation.hello("w0", 0, running: 1, isPrepared: true).freezes == [0: 2])
        #expect(conversation.frozen(0, 2, 0, hash: conversation.hash).isEmpty)
        #expect(conversation.core.mode == .gathering)
    }

    @Test func whoDoesNotBelongIsRefused() {
        var conversation = Conversation(workers: 2)
        #expect(conversation.hello("w0", 0, certificate: "w9").refusal?.contains("certificate says w9") == true)
        #expect(
            conversation.hello("w0", 0, version: "1 (arithmetic 2)").refusal
                == "runs version 1 (arithmetic 2), the coordinator runs 1; start the same program there")
        // The control connection of its process may be on its way back.
        #expect(conversation.hello("w0", 0, purpose: .bulk).closes == [0])
        #expect(conversation.hello("w0", 0).refusal == nil)
        #expect(conversation.hello("w0", 2, process: 0, purpose: .bulk).isEmpty)
        #expect(conversation.hello("w0", 3, process: 7, purpose: .bulk).closes == [3])
        #expect(conversation.hello("w1", 4).refusal == nil)
        // More may come than were asked for, and join later.
        #expect(conversation.hello("w2", 5).refusal == nil)
        _ = conversation.event(.quarantined(name: "w9", reason: "it ended three times"))
        #expect(conversation.hello("w9", 6).refusal == "is in quarantine: it ended three times")
    }

    @Test func aNameBelongsToWhoAnswers() {
        func pings(_ actions: [CoordinatorAction]) -> [Int] {
            actions.compactMap { if case .send(let connection, .ping) = $0 { connection.rawValue } else { nil } }
        }
        var conversation = Conversation.running(2)
        // The old one is asked, and answers.
        #expect(pings(conversation.hello("w0", 7)) == [0])
        let refused = conversation.say(0, .pong(Pong(nonce: 1, step: 1, stage: .forward, waitingFor: [])))
        #expect(refused.refusal?.contains("process 100 on host-of-w0") == true)
        // It does not answer: it is lost, and the new one comes in its place.
        #expect(pings(conversation.hello("w0", 8)) == [0])
        let actions = conversation.wait()
        #expect(actions.closes.contains(0) && actions.freezes == [1: 2])
        #expect(
            actions.contains { if case .send(ConnectionNumber(8), .welcome) = $0 { true } else { false } })
        // One that is gone is not waited for.
        _ = conversation.hello("w1", 9)
        let freed = conversation.closed(1)
        #expect(freed.contains { if case .send(ConnectionNumber(9), .welcome) = $0 { true } else { false } })
        // Nor is one that gave up.
        _ = conversation.hello("w1", 10)
        #expect(conversation.closed(10).isEmpty)
    }

    @Test func theNewestConnectionOfAProcessCounts() {
        var conversation = Conversation(workers: 1)
        _ = conversation.hello("w0", 0, process: 5)
        _ = conversation.hello("w0", 2, process: 5, purpose: .bulk)
        let actions = conversation.hello("w0", 1, process: 5)
        #expect(actions.contains(.close(ConnectionNumber(0), reason: "replaced by a newer connection")))
        #expect(conversation.prepared(0).isEmpty)
        #expect(conversation.event(.closed(ConnectionNumber(0), reason: "closed")).isEmpty)
        #expect(!conversation.prepared(1).isEmpty)
    }

    @Test func aGenerationIsAboveAllThatWereHeardOf() {
        var conversation = Conversation(workers: 2)
        // Who is refused decides nothing.
        #expect(conversation.hello("x", 7, promised: 99, version: "2").refusal != nil)
        #expect(conversation.hello("x", 7, promised: 1 << 31).refusal?.contains("generation") == true)
        for count in [Int.min, 0, 65_537, Int.max] {
            #expect(conversation.hello("x", 7, threads: count).refusal == "claims \(count) threads and 1 cores")
            #expect(conversation.hello("x", 7, cores: count).refusal == "claims 1 threads and \(count) cores")
        }
        conversation.join("b", 0, promised: 41)
        conversation.join("a", 1)
        _ = conversation.prepared(0)
        let actions = conversation.prepared(1)
        #expect(conversation.core.roster?.generation == 42)
        #expect(conversation.core.roster?.members.map(\.name) == ["a", "b"])
        #expect(conversation.core.roster?.members.map(\.lanes) == [0..<4, 4..<8])
        #expect(conversation.core.journal.first == .incarnation(1))
        #expect(conversation.core.journal.dropFirst(2).first == .generation(42))
        #expect(actions.count == 3)
    }

    @Test func whoDiffersIsRefusedAlone() {
        let changes: [(inout Conversation) -> [CoordinatorAction]] = [
            { $0.prepared(2, digest: "bbb") }, { $0.prepared(2, probe: 6) },
            { $0.prepared(2, hash: StateHash(high: 0, low: 0)) },
        ]
        for change in changes {
            var conversation = Conversation(workers: 3)
            for index in 0..<3 { conversation.join("w\(index)", index) }
            for index in 0..<2 { _ = conversation.prepared(index) }
            let actions = change(&conversation)
            #expect(actions.releases == [2: .refused] && conversation.core.mode == .gathering)
            conversation.join("w3", 3)
            #expect(conversation.prepared(3).starts.keys.sorted() == [0, 1, 3])
        }
    }

    @Test func whereNobodyCanTellWhoIsRightThereIsNoRun() {
        func verdict(_ change: (inout Conversation) -> [CoordinatorAction]) -> String? {
            var conversation = Conversation(workers: 2)
            for index in 0..<2 { conversation.join("w\(index)", index) }
            _ = conversation.prepared(0)
            return change(&conversation).verdict?.message
        }
        #expect(verdict { $0.prepared(1, digest: "bbb") }?.contains("plan digests: w0 d, w1 bbb") == true)
        #expect(verdict { $0.prepared(1, probe: 6) }?.contains("gradients of lane 0") == true)
        #expect(verdict { $0.prepared(1, hash: StateHash(high: 0, low: 0)) }?.contains("states") == true)
    }

    @Test func theJournaledProbeDecides() {
        var history = JournalHistory()
        history = JournalRecord.replay([.incarnation(1), .probe(StateHash(high: 5, low: 0))])
        var conversation = Conversation(workers: 1) { $0.history = history }
        conversation.join("w0", 0)
        let refused = conversation.prepared(0, probe: 6)
        #expect(refused.releases == [0: .refused])
        #expect(refused.warnings.first?.contains("lane 0 of the first step has the gradient") == true)
        conversation.join("w1", 1)
        #expect(!conversation.prepared(1).starts.isEmpty)
    }

    @Test func whoCannotTakePartEndsTheRun() {
        var conversation = Conversation(workers: 2)
        _ = conversation.hello("w0", 0)
        _ = conversation.hello("w1", 1)
        let actions = conversation.say(1, .unable(Unable(exitCode: .usage, message: "train.gz\u{1B} is missing")))
        #expect(actions.verdict?.exitCode == .usage)
        #expect(actions.verdict?.message == "worker w1: train.gz\\u{1b} is missing")
        #expect(actions.releases == [0: .failed, 1: .failed])
        // Whoever comes now hears the same, and nothing else happens any more.
        #expect(conversation.hello("w2", 2).releases == [2: .failed])
        #expect(conversation.event(.closed(ConnectionNumber(0), reason: "x")).isEmpty)
        #expect(conversation.event(.stopRequested(reason: "x")).isEmpty)
        #expect(conversation.core.nextDeadline == nil)
    }
}
