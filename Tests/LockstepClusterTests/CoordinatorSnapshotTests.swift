import LockstepCluster
import LockstepCore
import Testing

/// Snapshots while a generation works, and runs that go on from one.
@Suite struct CoordinatorSnapshotTests {
    private func hash(_ step: UInt32) -> StateHash { Conversation.hash(step) }

    private func running(
        everySteps: UInt32 = 2, takesBest: Bool = false, backlog: Int = 1, start: UInt32? = nil
    ) -> Conversation {
        var conversation = Conversation(workers: 2) {
            $0.snapshotEverySteps = everySteps
            $0.snapshotsBest = takesBest
            $0.snapshotBacklog = backlog
            $0.start = start.map { .init(step: $0, hash: StateHash(high: 1, low: 2)) }
        }
        for index in 0..<2 { conversation.join("w\(index)", index) }
        for index in 0..<2 { _ = conversation.prepared(index, step: start ?? 0) }
        for index in 0..<2 { _ = conversation.say(index, .linked(generation: 1)) }
        return conversation
    }

    private func report(_ steps: ClosedRange<UInt32>) -> [StepReport] {
        Conversation.reports(steps)
    }

    /// Worker 0 has done these steps, and all agreed on these.
    private func progress(
        _ steps: ClosedRange<UInt32>? = nil, agreed: [UInt32] = [], best: UInt32? = nil, hash other: StateHash? = nil
    ) -> ControlMessage {
        .progress(
            Progress(
                generation: 1, step: 1, stage: .update, reports: steps.map(report) ?? [],
                agreed: agreed.map { AgreedState(step: $0, hash: other ?? hash($0), isBest: $0 == best) }))
    }

    private func warnings(_ actions: [CoordinatorAction]) -> [String] {
        actions.compactMap { if case .log(.warning, let text, _) = $0 { text } else { nil } }
    }

    private func write(_ step: UInt32, isBest: Bool = false) -> CoordinatorAction {
        .writeSnapshot(step: step, hash: hash(step), isBest: isBest)
    }

    private func written(_ step: UInt32) -> CoordinatorEvent {
        .snapshotWritten(step: step, digest: Conversation.digest)
    }

    @Test func onlyDueSharesAreExpected() {
        var conversation = running()
        #expect(conversation.core.expectedShares(ofStep: 1) == nil)
        #expect(conversation.core.expectedShares(ofStep: 4)?.map(\.name) == ["w0", "w1"])
        #expect(conversation.core.expectedShares(ofStep: 4)?.map(\.index) == [0, 1])
        #expect(conversation.core.expectedShares(ofStep: 4)?.map(\.count) == [2, 2])
        #expect(conversation.core.expectedShares(ofStep: 0) == nil)
        _ = conversation.event(.stateCollected(step: 4))
        // Older ones have a newer state beside them.
        #expect(
            conversation.core.expectedShares(ofStep: 2) == nil && conversation.core.expectedShares(ofStep: 4) == nil)
        #expect(conversation.core.expectedShares(ofStep: 6) != nil)
        #expect(conversation.event(.stateCollected(step: 2)) == [.dropState(step: 2)])
        let none = running(everySteps: 0)
        #expect(none.core.expectedShares(ofStep: 4) == nil)
        let best = running(everySteps: 0, takesBest: true)
        #expect(best.core.expectedShares(ofStep: 5) != nil)
        let resumed = running(start: 6)
        #expect(resumed.core.expectedShares(ofStep: 6) == nil && resumed.core.expectedShares(ofStep: 8) != nil)
        #expect(Conversation(workers: 2).core.expectedShares(ofStep: 2) == nil)
    }

    @Test func whatIsCollectedAndAgreedIsWritten() {
        var conversation = running(backlog: 8)
        #expect(conversation.say(0, progress(1...3, agreed: [2])) == [.report(report(1...3))])
        #expect(conversation.event(.stateCollected(step: 2)) == [write(2)])
        // Collected first, agreed later; and one at a time.
        #expect(conversation.event(.stateCollected(step: 4)).isEmpty)
        #expect(conversation.say(0, progress(4...7, agreed: [4, 6])) == [.report(report(4...7))])
        #expect(conversation.say(1, progress(1...7, agreed: [4])).isEmpty)
        #expect(conversation.event(.stateCollected(step: 6)).isEmpty)
        #expect(conversation.event(written(4)).isEmpty)
        #expect(conversation.event(written(2)) == [write(4)])
        #expect(
            conversation.core.journal.last == .snapshot(step: 2, hash: hash(2), digest: Conversation.digest))
        #expect(conversation.event(written(4)) == [write(6)])
        // A claim about steps that nobody reported is none.
        #expect(conversation.say(1, progress(agreed: [8])).isEmpty)
        #expect(conversation.event(.stateCollected(step: 8)).isEmpty)
        #expect(conversation.event(written(6)).isEmpty)
    }

    @Test func whatWaitsIsBounded() {
        var conversation = running(takesBest: true)
        _ = conversation.say(0, progress(1...20, agreed: [2, 4, 6, 7], best: 6))
        #expect(conversation.event(.stateCollected(step: 2)) == [write(2)])
        #expect(conversation.event(.stateCollected(step: 4)).isEmpty)
        // The best stays, what is newer goes before what is older, what is not agreed yet goes last.
        #expect(conversation.event(.stateCollected(step: 6)) == [.dropState(step: 4)])
        #expect(conversation.event(.stateCollected(step: 7)) == [.dropState(step: 7)])
        #expect(conversation.event(.stateCollected(step: 8)) == [.dropState(step: 8)])
        #expect(conversation.event(written(2)) == [write(6, isBest: true)])
        #expect(conversation.event(.stateCollected(step: 10)).isEmpty)
        #expect(conversation.event(.stateCollected(step: 12)) == [.dropState(step: 12)])
        _ = conversation.event(written(6))
        #expect(conversation.say(0, progress(agreed: [10])) == [write(10)])
    }

    @Test func aFailureIsSaidOnce() {
        var conversation = running(backlog: 8)
        _ = conversation.say(0, progress(1...20, agreed: [2, 4, 6, 8, 10]))
        _ = conversation.event(.stateCollected(step: 2))
        let failed = conversation.event(.snapshotFailed(step: 2, reason: "no space left on device"))
        #expect(warnings(failed).first?.hasPrefix("the snapshot of step 2 could not be written: no space left") == true)
        #expect(failed.count == 1 && conversation.core.mode == .running)
        #expect(conversation.event(.stateCollected(step: 4)) == [write(4)])
        #expect(conversation.event(.snapshotFailed(step: 4, reason: "no space left on device")).isEmpty)
        #expect(conversation.event(.snapshotFailed(step: 4, reason: "again")).isEmpty)
        #expect(conversation.event(.stateCollected(step: 6)) == [write(6)])
        #expect(conversation.event(written(6)).isEmpty)
        _ = conversation.event(.stateCollected(step: 8))
        // A state that is not the agreed one is none; after a success a failure is news.
        let invalid = conversation.event(.stateInvalid(step: 8, reason: "its hash is another"))
        #expect(warnings(invalid).first?.contains("step 8") == true && conversation.core.mode == .running)
        // A share that does not fit is given up before it is complete.
        #expect(conversation.event(.stateInvalid(step: 10, reason: "out of order")).isEmpty)
        #expect(conversation.core.expectedShares(ofStep: 10) == nil)
        #expect(conversation.core.journal.count { if case .snapshot = $0 { true } else { false } } == 1)
    }

    @Test func differentClaimsAreNoAgreement() {
        var conversation = running()
        _ = conversation.say(0, progress(1...4))
        _ = conversation.event(.stateCollected(step: 2))
        var early = running()
        _ = early.say(0, progress(1...4, agreed: [2]))
        let actions = early.say(1, progress(agreed: [2], hash: hash(77)))
        #expect(warnings(actions).first?.contains("different things") == true)
        #expect(early.event(.stateCollected(step: 2)).isEmpty)
        #expect(conversation.say(0, progress(agreed: [2])) == [write(2)])
    }

    // MARK: The end

    private func done(_ step: UInt32, isBest: Bool = false) -> ControlMessage {
        .done(
            Done(
                generation: 1, step: step, hash: hash(step), isBest: isBest, lanesComputed: 12, gradientBytesSent: 0,
                evaluation: nil, lastEpoch: [1]))
    }

    @Test func theLastSnapshotComesLast() {
        var conversation = running(backlog: 8)
        _ = conversation.say(0, progress(1...9, agreed: [2, 4]))
        _ = conversation.event(.stateCollected(step: 2))
        _ = conversation.event(.stateCollected(step: 4))
        for index in 0..<2 { _ = conversation.say(index, done(9, isBest: true)) }
        #expect(conversation.core.expectedShares(ofStep: 9)?.count == 2)
        // One that nobody agreed on by now is dropped.
        _ = conversation.event(.stateCollected(step: 6))
        #expect(conversation.event(.stateCollected(step: 9)) == [.dropState(step: 6)])
        #expect(conversation.core.expectedShares(ofStep: 8) == nil)
        #expect(conversation.event(written(2)) == [write(4)])
        // A mid-run failure does not end what ends well.
        let failed = conversation.event(.snapshotFailed(step: 4, reason: "full"))
        #expect(failed.last == write(9, isBest: true) && warnings(failed).count == 1)
        #expect(conversation.event(written(9)).result?.snapshotStep == 9)
        #expect(
            conversation.core.journal.suffix(2) == [
                .snapshot(step: 9, hash: hash(9), digest: Conversation.digest), .final(step: 9, hash: hash(9)),
            ])
    }

    @Test func aStopMakesHaste() {
        var conversation = running(takesBest: true, backlog: 8)
        _ = conversation.say(0, progress(1...9, agreed: [2, 4, 5], best: 5))
        for step in [2, 4, 5] as [UInt32] { _ = conversation.event(.stateCollected(step: step)) }
        _ = conversation.event(.stopRequested(reason: "SIGTERM"))
        for index in 0..<2 { _ = conversation.frozen(index, 2, 9) }
        #expect(conversation.event(.stateCollected(step: 9)) == [.dropState(step: 4)])
        #expect(conversation.event(written(2)) == [write(5, isBest: true)])
        #expect(conversation.event(written(5)) == [write(9)])
        #expect(conversation.event(written(9)).result?.exitCode == .temporary)
        #expect(!JournalRecord.replay(conversation.core.journal).isFinal)
    }

    @Test func whatWasCollectedOfTheEndBeforeIsReplaced() {
        var conversation = running(backlog: 8)
        _ = conversation.say(0, progress(1...8))
        _ = conversation.event(.stateCollected(step: 8))
        _ = conversation.event(.stopRequested(reason: "SIGTERM"))
        for index in 0..<2 { _ = conversation.frozen(index, 2, 8) }
        #expect(conversation.event(.stateCollected(step: 8)) == [write(8)])
    }

    /// It waits for another to be written: that it is collected as the end takes it out of the queue.
    @Test func theEndIsNotWrittenBeforeItIsCollected() {
        var conversation = running(backlog: 8)
        _ = conversation.say(0, progress(1...8, agreed: [6, 8]))
        _ = conversation.event(.stateCollected(step: 6))
        _ = conversation.event(.stateCollected(step: 8))
        _ = conversation.event(.stopRequested(reason: "SIGTERM"))
        for index in 0..<2 { _ = conversation.frozen(index, 2, 8) }
        #expect(conversation.event(written(6)).isEmpty)
        #expect(conversation.event(.stateCollected(step: 8)) == [write(8)])
        #expect(conversation.event(written(8)).result?.snapshotStep == 8)
    }

    @Test func aSnapshotThatIsWrittenAfterTheEndIsOnRecord() {
        var conversation = running()
        _ = conversation.say(0, progress(1...3, agreed: [2]))
        _ = conversation.event(.stateCollected(step: 2))
        _ = conversation.say(1, .halted(Halted(generation: 1, step: 4, cause: .gradientNotFinite)))
        #expect(conversation.core.mode == .ended)
        #expect(conversation.event(written(2)).isEmpty)
        #expect(conversation.event(written(4)).isEmpty)
        #expect(JournalRecord.replay(conversation.core.journal).snapshots.map(\.step) == [2])
    }

    // MARK: Resuming

    @Test func aRunGoesOnFromItsStart() {
        var conversation = Conversation(workers: 1) {
            $0.start = .init(step: 6, hash: StateHash(high: 1, low: 2))
            $0.greatestGeneration = 8
            $0.resumedFrom = "runs/x/snapshots/step-00000006"
            $0.welcome.incarnation = 3
            $0.snapshotEverySteps = 2
        }
        conversation.join("w0", 0)
        // Who holds another step cannot take part.
        var other = conversation
        #expect(other.prepared(0, step: 0).releases == [0: .failed])
        var different = conversation
        let verdict = different.prepared(0, hash: StateHash(high: 5, low: 5), step: 6).verdict
        #expect(verdict?.message.contains("of the snapshot of step 6") == true)
        let actions = conversation.prepared(0, step: 6)
        #expect(conversation.core.roster?.generation == 9 && conversation.core.roster?.startStep == 6)
        #expect(conversation.core.journal.first == .incarnation(3))
        #expect(
            actions.contains(
                .log(
                    .info, "the run goes on from the state after step 6 of runs/x/snapshots/step-00000006",
                    metadata: ["step": "6"])))
        let starts = actions.compactMap { if case .send(_, .start(let start)) = $0 { start } else { nil } }
        #expect(starts.map(\.snapshotEverySteps) == [2])
        // Steps before are done.
        _ = conversation.say(0, .linked(generation: 9))
        let progress = Progress(generation: 9, step: 7, stage: .update, reports: report(1...7))
        #expect(conversation.say(0, .progress(progress)) == [.report(report(7...7))])
    }

    @Test func whoIsStreamedToGetsOn() {
        var conversation = Conversation(workers: 1)
        _ = conversation.hello("w0", 0)
        _ = conversation.hello("w0", 100, process: 0, purpose: .bulk)
        let pong = [0: Pong(nonce: 1, step: 0, stage: .preparing, waitingFor: [])]
        #expect(conversation.live(590, pong).isEmpty)
        #expect(conversation.event(.streamed(name: "w0")).isEmpty)
        #expect(conversation.live(590, pong).isEmpty)
        _ = conversation.live(20, pong)
        #expect(conversation.core.workerReadings.isEmpty)
    }
}
