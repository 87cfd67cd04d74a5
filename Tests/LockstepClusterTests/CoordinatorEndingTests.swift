import LockstepCluster
import LockstepCore
import Testing

/// A run comes to its end: done, stopped or failed.
@Suite struct CoordinatorEndingTests {
    @Test func aPlannedStopCollectsTheState() {
        var conversation = Conversation.running(2)
        let plans = conversation.event(.stopRequested(reason: "SIGTERM"))
        #expect(
            plans == [
                .send(ConnectionNumber(0), .plan(PlannedChange(generation: 2))),
                .send(ConnectionNumber(1), .plan(PlannedChange(generation: 2))),
            ])
        #expect(conversation.frozen(0, 2, 6).isEmpty)
        let actions = conversation.frozen(1, 2, 6)
        #expect(actions.contains(.send(ConnectionNumber(1), .fetch(Fetch(step: 6, share: 1, count: 2)))))
        #expect(conversation.event(.stateCollected(step: 5)) == [.dropState(step: 5)])
        #expect(
            conversation.event(.stateCollected(step: 6)) == [
                .writeSnapshot(step: 6, hash: Conversation.hash(6), isBest: false)
            ])
        let end = conversation.event(.snapshotWritten(step: 6, digest: Conversation.digest))
        #expect(end.result?.snapshotStep == 6)
        #expect(end.result?.exitCode == .temporary)
        #expect(end.releases == [0: .temporary, 1: .temporary])
        // The run can be resumed, so it is not final; its workers are gone.
        let history = JournalRecord.replay(conversation.core.journal)
        #expect(!history.isFinal && history.snapshots.map(\.step) == [6])
        #expect(history.lastVerdict?.exitCode == .temporary)
    }

    @Test func aPlanAfterTheLastTurnStopsNobody() {
        var conversation = Conversation.running(2)
        let done = Done(
            generation: 1, step: 3, hash: conversation.hash, lanesComputed: 12, gradientBytesSent: 0, evaluation: nil,
            lastEpoch: [1])
        _ = conversation.say(0, .done(done))
        _ = conversation.event(.stopRequested(reason: "SIGTERM"))
        _ = conversation.say(1, .done(done))
        _ = conversation.event(.stateCollected(step: 3))
        let end = conversation.event(.snapshotWritten(step: 3, digest: Conversation.digest))
        #expect(end.result?.outcome == .completed && end.result?.exitCode == .success)
    }

    @Test func aLossAfterAWishToStopIsNoFailure() {
        var conversation = Conversation.running(2)
        _ = conversation.event(.stopRequested(reason: "SIGTERM"))
        #expect(conversation.closed(1).freezes == [0: 3])
        // The other one holds the state that is kept.
        let actions = conversation.frozen(0, 3, 6)
        #expect(actions.fetches == [0: [Fetch(step: 6, share: 0, count: 1)]])
        _ = conversation.event(.stateCollected(step: 6))
        let end = conversation.event(.snapshotWritten(step: 6, digest: Conversation.digest))
        #expect(end.result?.exitCode == .temporary && end.result?.snapshotStep == 6)
        #expect(end.releases == [0: .temporary])
    }

    /// What time that runs out costs a stop.
    private let lost = "the run ends without a snapshot of where it was"

    /// The shares that are missing are somebody's too.
    @Test(arguments: [[], [0], [0, 1]]) func whoSendsNoShareIsNamed(came: [Int]) {
        var conversation = Conversation.running(2)
        _ = conversation.event(.stopRequested(reason: "SIGTERM"))
        conversation.now += 250_000_000
        for connection in 0..<2 { _ = conversation.frozen(connection, 2, 6) }
        for connection in came { _ = conversation.event(.shareReceived(name: "w\(connection)", step: 6)) }
        var end: [CoordinatorAction] = []
        for _ in 0..<10_000 where end.result == nil { end = conversation.wait() }
        #expect(end.result?.snapshotStep == nil)
        let what =
            came.count == 2
            ? "the shares of the state after step 6 from w0 and w1 were not complete"
            : "\(came.isEmpty ? "w0 and w1" : "w1") sent nothing of the state after step 6"
        #expect(end.warnings == ["\(what) within 1.8 s of the stop; \(lost)"])
    }

    @Test func aStopDoesNotWaitForEver() {
        var conversation = Conversation.running(2)
        let start = conversation.now
        _ = conversation.event(.stopRequested(reason: "SIGTERM"))
        _ = conversation.frozen(0, 2, 6)
        _ = conversation.say(1, .pong(Pong(nonce: 1, step: 7, stage: .forward, waitingFor: [])))
        var end: [CoordinatorAction] = []
        for _ in 0..<10_000 where end.result == nil { end = conversation.wait() }
        #expect(end.result?.snapshotStep == nil)
        #expect(conversation.now - start == 3_000_000_000)
        // Who is to blame for it is said.
        #expect(end.warnings == ["w1 (forward of step 7) did not stand still within 3.0 s of the stop; \(lost)"])
        var early = Conversation(workers: 2)
        _ = early.hello("w0", 0)
        let actions = early.event(.stopRequested(reason: "SIGTERM"))
        #expect(actions.result?.outcome == .stopped(reason: "SIGTERM"))
        #expect(actions.releases == [0: .temporary])
    }

    @Test func aStopWaitsForAValidation() {
        func stopped(_ pongs: [Pong]) -> UInt64 {
            var conversation = Conversation.running(2)
            let start = conversation.now
            _ = conversation.event(.stopRequested(reason: "SIGTERM"))
            for pong in pongs where conversation.core.mode != .ended {
                conversation.now += 1_000_000_000
                for index in 0..<2 { _ = conversation.say(index, .pong(pong)) }
                _ = conversation.event(.tick)
            }
            for _ in 0..<10_000 where conversation.core.mode != .ended { _ = conversation.wait() }
            return (conversation.now - start) / 1_000_000_000
        }
        func pongs(_ stage: Stage, _ count: Int) -> [Pong] {
            Array(repeating: Pong(nonce: 1, step: 4, stage: stage, waitingFor: []), count: count)
        }
        #expect(stopped(pongs(.forward, 30)) == 3)
        #expect(stopped(pongs(.validation, 5)) == 8)
        #expect(stopped(pongs(.validation, 60)) == 20)
    }

    @Test func differentStatesAtTheEndAreNoResult() {
        var conversation = Conversation.running(2)
        for index in 0..<2 {
            let done = Done(
                generation: 1, step: 3, hash: StateHash(high: 0, low: UInt64(index)), lanesComputed: 12,
                gradientBytesSent: 0, evaluation: nil, lastEpoch: [1])
            let actions = conversation.say(index, .done(done))
            #expect((actions.verdict != nil) == (index == 1))
        }
    }

    @Test func aLossAfterTheStateIsHereIsNoLoss() {
        let done = Done(
            generation: 1, step: 3, hash: Conversation.hash(3), lanesComputed: 24, gradientBytesSent: 0,
            evaluation: nil, lastEpoch: [1])
        var late = Conversation.running(1)
        _ = late.say(0, .done(done))
        _ = late.event(.stateCollected(step: 3))
        _ = late.event(.closed(ConnectionNumber(0), reason: "reset"))
        late.now += 1_000_000_000
        #expect(late.event(.tick).verdict == nil)
        let end = late.event(.snapshotWritten(step: 3, digest: Conversation.digest))
        #expect(end.result?.outcome == .completed && end.result?.members.first?.done == done)
        // A state that is not the agreed one is looked at again, a few times.
        var failing = Conversation.running(1)
        for generation in 1...4 as ClosedRange<UInt32> {
            var again = done
            again.generation = generation
            _ = failing.say(0, .done(again))
            let actions = failing.event(.stateInvalid(step: 3, reason: "share 0 is too short"))
            if generation == 4 {
                #expect(actions.verdict?.stage == .snapshot)
            } else {
                #expect(actions.freezes == [0: generation + 1])
                _ = failing.frozen(0, generation + 1, 3)
                _ = failing.linked([0], generation + 1)
            }
        }
        var full = Conversation.running(1)
        _ = full.say(0, .done(done))
        _ = full.event(.stateCollected(step: 3))
        #expect(
            full.event(.snapshotFailed(step: 3, reason: "disk full")).verdict?.message.contains("disk full") == true)
    }

    /// What was sent in mid-run, cut for other members, may have been among what came.
    @Test func aStopLooksAgainForItsState() {
        func stopped() -> Conversation {
            var conversation = Conversation.running(2)
            _ = conversation.event(.stopRequested(reason: "SIGTERM"))
            for connection in 0..<2 { _ = conversation.frozen(connection, 2, 6) }
            _ = conversation.event(.stateCollected(step: 6))
            let anew = conversation.event(.stateInvalid(step: 6, reason: "its hash is another"))
            #expect(anew.contains(.dropState(step: 6)) && anew.freezes == [0: 3, 1: 3])
            return conversation
        }
        var conversation = stopped()
        _ = conversation.frozen(0, 3, 6)
        #expect(
            conversation.frozen(1, 3, 6).fetches == [
                0: [Fetch(step: 6, share: 0, count: 2)], 1: [Fetch(step: 6, share: 1, count: 2)],
            ])
        _ = conversation.event(.stateCollected(step: 6))
        let end = conversation.event(.snapshotWritten(step: 6, digest: Conversation.digest))
        #expect(end.result?.snapshotStep == 6 && end.result?.exitCode == .temporary)
        // But not for ever.
        var silent = stopped()
        let start = silent.now
        for _ in 0..<30 where silent.core.mode != .ended { _ = silent.wait() }
        #expect(silent.core.mode == .ended && silent.now - start <= 3_000_000_000)
    }

    @Test func aHaltNamesStepAndLane() {
        var conversation = Conversation.running(3)
        let halted = conversation.say(1, .halted(Halted(generation: 1, step: 9, cause: .lossNotFinite(lane: 5))))
        #expect(halted.verdict?.step == 9 && halted.verdict?.lane == 5)
        #expect(halted.verdict?.message.contains("lane 5") == true)
        #expect(conversation.say(0, .halted(Halted(generation: 1, step: 9, cause: .lossNotFinite(lane: 5)))).isEmpty)
    }
}
