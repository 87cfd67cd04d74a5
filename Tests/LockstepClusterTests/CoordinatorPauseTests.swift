import LockstepCluster
import LockstepCore
import Testing

/// Too few workers, or none that holds the state.
@Suite struct CoordinatorPauseTests {
    @Test func belowTheLeastNumberTheRunPauses() {
        var conversation = Conversation.running(2) { $0.minWorkers = 2 }
        _ = conversation.progress(0, 1, 1...5)
        _ = conversation.closed(1)
        let paused = conversation.frozen(0, 2, 6)
        #expect(paused.warnings == ["the run is paused: 1 of at least 2 workers are here"])
        #expect(conversation.core.pauseReason == "1 of at least 2 workers are here")
        #expect(conversation.core.mode == .paused(generation: 2))
        conversation.join("w2", 2)
        // Everybody is asked again, under a new number.
        #expect(conversation.prepared(2).freezes == [0: 3, 2: 3])
        _ = conversation.frozen(0, 3, 6)
        #expect(conversation.frozen(2, 3, 0, hash: conversation.hash).starts.keys.sorted() == [0, 2])
        #expect(conversation.core.pauseReason == nil)
        #expect(conversation.linked([0, 2], 3).incidents.first?.verdict.worker == "w1")
    }

    @Test func whoMayHoldTheStateIsWaitedFor() {
        var conversation = Conversation.running(1)
        _ = conversation.progress(0, 1, 1...5)
        let lost = conversation.closed(0)
        #expect(lost.contains { if case .log(_, let text, _) = $0 { text.contains("is paused") } else { false } })
        // A new worker holds nothing of it.
        conversation.join("w1", 1)
        #expect(conversation.prepared(1).freezes == [1: 3])
        let waiting = conversation.frozen(1, 3, 0, hash: conversation.hash)
        #expect(waiting.warnings.first?.hasSuffix("waiting for w0") == true)
        var returned = conversation
        var ended = conversation
        // It comes back.
        _ = returned.hello("w0", 10, process: 0, running: 1, isPrepared: true)
        _ = returned.hello("w0", 110, process: 0, purpose: .bulk)
        _ = returned.frozen(1, 4, 0, hash: conversation.hash)
        let roster = returned.frozen(10, 4, 5).starts[1]?.roster
        #expect(roster?.start.step == 5 && roster?.holders == ["w0"])
        // Its process has ended.
        let asked = ended.event(.processEnded(name: "w0", processIdentifier: 100, description: "signal 9 (SIGKILL)"))
        #expect(asked.contains(.offerState))
        // It does not come.
        let start = conversation.now
        var actions: [CoordinatorAction] = []
        for _ in 0..<10_000 where !actions.contains(.offerState) {
            conversation.now += 1_000_000_000
            _ = conversation.say(1, .pong(Pong(nonce: 1, step: 0, stage: .idle, waitingFor: [])))
            actions = conversation.event(.tick)
        }
        #expect(conversation.now - start >= 15_000_000_000)
        // A second arrival does not ask a second time.
        conversation.join("w2", 2)
        #expect(conversation.prepared(2).isEmpty)
        let offer = Holding(point: StatePoint(step: 4), hash: Conversation.hash(4), wholeHash: Conversation.hash(4))
        #expect(conversation.event(.stateOffered(offer)).starts[1]?.roster.start.step == 4)
    }

    /// The only worker was lost with the state, and another one of its name has come.
    private func replaced() -> Conversation {
        var conversation = Conversation.running(1)
        _ = conversation.progress(0, 1, 1...5)
        _ = conversation.closed(0)
        conversation.join("w0", 10)
        _ = conversation.prepared(10)
        #expect(conversation.frozen(10, 3, 0, hash: conversation.hash).contains(.offerState))
        return conversation
    }

    /// While an offer is waited for one comes who is not asked, and the only one that was asked goes.
    @Test func whoCameWhileAnOfferWasWaitedForIsAskedInTheEnd() {
        var conversation = replaced()
        conversation.join("w1", 11)
        #expect(conversation.prepared(11).isEmpty)
        _ = conversation.closed(10)
        let offer = Holding(point: StatePoint(step: 4), hash: Conversation.hash(4), wholeHash: Conversation.hash(4))
        #expect(conversation.event(.stateOffered(offer)).starts.isEmpty)
        var asked: [CoordinatorAction] = []
        for _ in 0..<30 where asked.freezes.isEmpty {
            conversation.now += 1_000_000_000
            _ = conversation.say(11, .pong(Pong(nonce: 1, step: 0, stage: .idle, waitingFor: [])))
            asked = conversation.event(.tick)
        }
        #expect(asked.freezes == [11: 4])
        #expect(conversation.frozen(11, 4, 0, hash: conversation.hash).starts[11]?.roster.start.step == 4)
    }

    @Test func nobodyWaitsForTheDead() {
        // Their ends are the first that is heard of it.
        var conversation = Conversation.running(2)
        _ = conversation.progress(0, 1, 1...5)
        for index in 0..<2 {
            let number = Int32(100 + index)
            _ = conversation.event(
                .processEnded(name: "w\(index)", processIdentifier: number, description: "signal 9 (SIGKILL)"))
        }
        conversation.join("w2", 2)
        _ = conversation.prepared(2)
        #expect(conversation.frozen(2, 3, 0, hash: conversation.hash).contains(.offerState))
        // Nor for those whose names others have by now.
        _ = replaced()
    }

    @Test func whoLeavesDoesNotWaitForTheOthers() {
        var conversation = Conversation.running(2) { $0.minWorkers = 2 }
        _ = conversation.say(1, .leaving(Leaving(reason: "SIGTERM")))
        _ = conversation.wait()
        _ = conversation.frozen(0, 2, 6)
        let paused = conversation.frozen(1, 2, 6)
        #expect(conversation.core.mode == .paused(generation: 2) && paused.releases == [1: .temporary])
    }

    @Test func aPauseIsSaidOnce() {
        var conversation = Conversation.running(1) { $0.minWorkers = 3 }
        #expect(conversation.core.mode == .gathering)
        for index in 1..<3 { conversation.join("w\(index)", index) }
        for index in 1..<3 { _ = conversation.prepared(index) }
        _ = conversation.linked([0, 1, 2], 1)
        _ = conversation.closed(2)
        _ = conversation.frozen(0, 2, 4)
        #expect(conversation.frozen(1, 2, 4).warnings == ["the run is paused: 2 of at least 3 workers are here"])
        _ = conversation.closed(1)
        _ = conversation.hello("w1", 11, process: 1, running: 1, isPrepared: true)
        _ = conversation.frozen(0, 3, 4)
        #expect(conversation.frozen(11, 3, 4).isEmpty)
    }

    /// All stand still, and none of them in time: a deadline that stays as it is would be too short for ever.
    @Test func whoseAnswerIsOnlyLateIsWaitedForLonger() {
        var conversation = Conversation.running(2) { $0.minWorkers = 2 }
        _ = conversation.closed(0)
        _ = conversation.closed(1)
        /// Both come back; they are given up before they have answered.
        func attempt(_ number: UInt32, answers: Bool) -> UInt64 {
            for index in 0..<2 {
                let connection = Int(10 * number) + index
                _ = conversation.hello(
                    "w\(index)", connection, process: UInt64(index), running: 1, promised: number - 1,
                    isPrepared: true)
                _ = conversation.prepared(connection)
                if answers { _ = conversation.frozen(connection, number - 1, 5) }
            }
            let start = conversation.now
            var isOver = false
            for _ in 0..<10 where !isOver {
                isOver = conversation.wait().warnings.contains { $0.contains("did not stand still") }
            }
            return conversation.now - start
        }
        #expect(attempt(3, answers: false) == 10_000_000_000)
        // Nothing came of it: who hangs is waited for no longer than before.
        #expect(attempt(4, answers: false) == 10_000_000_000)
        // Both say what they owed; the freeze after this one is longer, once.
        #expect(attempt(5, answers: true) == 10_000_000_000)
        #expect(attempt(6, answers: false) == 20_000_000_000)
    }

    @Test func nothingAtAllIsTheEnd() {
        var conversation = Conversation(workers: 1) {
            $0.start = .init(step: 6, hash: StateHash(high: 1, low: 2))
        }
        conversation.join("w0", 0)
        _ = conversation.prepared(0, step: 6)
        _ = conversation.linked([0], 1)
        _ = conversation.closed(0)
        _ = conversation.event(.processEnded(name: "w0", processIdentifier: 100, description: "signal 9 (SIGKILL)"))
        _ = conversation.hello("w1", 1)
        _ = conversation.hello("w1", 101, process: 1, purpose: .bulk)
        _ = conversation.prepared(1, step: 6)
        _ = conversation.say(1, .frozen(Frozen(generation: 3, holding: nil)))
        let verdict = conversation.event(.nothingToOffer(reason: "all snapshots are damaged")).verdict
        #expect(verdict?.message.contains("nobody holds the state of the run any more") == true)
    }

    @Test func aPausedRunCanBeStopped() {
        var conversation = Conversation.running(2) { $0.minWorkers = 2 }
        _ = conversation.closed(1)
        _ = conversation.frozen(0, 2, 6)
        // Who is left holds what is kept.
        let actions = conversation.event(.stopRequested(reason: "SIGTERM"))
        #expect(actions.fetches == [0: [Fetch(step: 6, share: 0, count: 1)]])
        var empty = Conversation.running(1)
        _ = empty.closed(0)
        #expect(empty.event(.stopRequested(reason: "SIGTERM")).result?.exitCode == .temporary)
    }
}
