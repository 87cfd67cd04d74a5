import Testing

@testable import LockstepCluster

/// How long turns are taken to be.
@Suite struct PaceTests {
    private let second: UInt64 = 1_000_000_000

    /// Where nothing was measured yet somebody may have hung in the turn: it is no reason to wait for hours later on.
    @Test func theFirstTurnIsReckonedWithinBounds() {
        var pace = Pace()
        pace.begin(0)
        pace.complete(1, 3600 * second, reckonedAtMost: 60 * second)
        #expect(pace.longestTurn == 60 * second)
        // A measured one is what it is, and takes its place.
        pace.complete(1, 3690 * second, reckonedAtMost: 60 * second)
        #expect(pace.longestTurn == 90 * second)
        var quick = Pace()
        quick.begin(0)
        quick.complete(1, 3 * second, reckonedAtMost: 60 * second)
        #expect(quick.longestTurn == 3 * second)
    }

    /// Every member reports every step, and a batch of them after a while.
    @Test func aStepIsOneTurnWhoeverReportsIt() {
        var pace = Pace()
        pace.start(from: 7, 0)
        pace.complete(upTo: 8, 2 * second, reckonedAtMost: 60 * second)
        pace.complete(upTo: 10, 4 * second, reckonedAtMost: 60 * second)
        #expect(pace.longestTurn == second)
        // Another one was stopped meanwhile, and tells of what is long done.
        pace.complete(upTo: 10, 90 * second, reckonedAtMost: 60 * second)
        #expect(pace.longestTurn == second && pace.movedAt == 4 * second)
        // An older state: the same steps again.
        pace.start(from: 5, 100 * second)
        pace.complete(upTo: 6, 101 * second, reckonedAtMost: 60 * second)
        #expect(pace.movedAt == 101 * second)
    }

    /// In the midst of a step it is said what all agreed on. Who was late for it completes no turn with that.
    @Test func aWordInMidStepIsNoTurn() {
        var conversation = Conversation.running(2)
        for step in 1...3 as ClosedRange<UInt32> {
            conversation.now += second / 10
            _ = conversation.progress(0, 1, step...step)
        }
        // All are heard meanwhile.
        let pong = Pong(nonce: 1, step: 3, stage: .allReduce, waitingFor: [])
        _ = conversation.live(8, [0: pong, 1: pong])
        let agreed = AgreedState(step: 2, hash: Conversation.hash(2), isBest: false)
        _ = conversation.say(
            1, .progress(Progress(generation: 1, step: 3, stage: .update, reports: [], agreed: [agreed])))
        #expect(conversation.core.pace.longestTurn == second / 10)
        // A validation has turns without steps.
        _ = conversation.say(1, .progress(Progress(generation: 1, step: 3, stage: .validation, reports: [])))
        #expect(conversation.core.pace.longestTurn == 8 * second)
    }

    /// Where two hang a link breaks when one of them is killed. What the other one says then must not pass for a turn.
    @Test func aLinkThatBreaksEndsNoTurn() {
        func longest(_ order: ([ControlMessage]) -> [ControlMessage]) -> UInt64 {
            var worker = TestWorker.running()
            var conversation = Conversation.running(3)
            let pong = Pong(nonce: 1, step: 1, stage: .load, waitingFor: [])
            _ = conversation.live(31, [0: pong, 1: pong, 2: pong])
            let told = worker.event(.linkLost(peer: "w0", generation: 1, reason: "reset")).messages
            for message in order(told) { _ = conversation.say(1, message) }
            #expect(told.map(\.type) == ["linkDown", "progress"])
            #expect(conversation.core.workerReadings[1].stage == .forward)
            return conversation.core.pace.longestTurn
        }
        #expect(longest { $0 } == 0)
        // The canary: said before, it would.
        #expect(longest { $0.reversed() } == 31 * second)
    }
}
