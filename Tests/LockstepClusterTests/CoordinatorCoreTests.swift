import LockstepCluster
import LockstepCore
import Testing

@Suite struct CoordinatorCoreTests {
    @Test func whoDoesNotBelongIsRefused() {
        var conversation = Conversation(workers: 2)
        #expect(conversation.hello("w0", 0, certificate: "w9").refusal?.contains("certificate says w9") == true)
        #expect(conversation.hello("w0", 0, version: "2").refusal?.contains("version 2") == true)
        #expect(conversation.hello("w0", 0, purpose: .bulk).refusal != nil)
        #expect(conversation.hello("w0", 0).refusal == nil)
        let duplicate = conversation.hello("w0", 1)
        #expect(duplicate.refusal?.contains("process 100 on host-of-w0") == true)
        #expect(conversation.hello("w0", 2, process: 0, purpose: .bulk).refusal == nil)
        #expect(conversation.hello("w0", 3, process: 7, purpose: .bulk).refusal != nil)
        #expect(conversation.hello("w1", 4).refusal == nil)
        #expect(conversation.hello("w2", 5).refusal == "the run has its 2 workers")
        // A place that becomes free is taken.
        _ = conversation.event(.closed(ConnectionNumber(4), reason: "reset"))
        #expect(conversation.hello("w2", 6).refusal == nil)
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
        #expect(conversation.core.journal.dropFirst().first == .generation(42))
        #expect(actions.count == 3)
    }

    @Test func differentPlansOrStatesDoNotStart() {
        var conversation = Conversation(workers: 2)
        conversation.join("w0", 0)
        conversation.join("w1", 1)
        _ = conversation.prepared(0, digest: "aaa")
        let verdict = conversation.prepared(1, digest: "bbb").verdict
        #expect(verdict?.message.contains("plan digests: w0 aaa, w1 bbb") == true)
        var other = Conversation(workers: 2)
        other.join("w0", 0)
        other.join("w1", 1)
        _ = other.prepared(0)
        #expect(other.prepared(1, hash: StateHash(high: 0, low: 0)).verdict?.message.contains("states") == true)
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

    @Test func theLostWorkerIsNamedNotTheOneThatReportsIt() {
        var conversation = Conversation.running(3)
        let report = StepReport(
            step: 1, epoch: 1, loss: 1, metrics: [], learningRate: 1, samples: 1, seconds: 1)
        let progress = Progress(generation: 1, step: 2, stage: .backward, reports: [report])
        #expect(conversation.say(1, .progress(progress)) == [.report([report])])
        #expect(conversation.say(0, .progress(progress)).isEmpty)
        _ = conversation.say(0, .linkDown(LinkDown(generation: 1, peer: "w1", reason: "reset by peer")))
        _ = conversation.say(2, .linkDown(LinkDown(generation: 1, peer: "w1", reason: "reset by peer")))
        _ = conversation.event(.closed(ConnectionNumber(1), reason: "end of stream"))
        let killed = "signal 9 (SIGKILL)"
        #expect(conversation.event(.processEnded(name: "w0", processIdentifier: 999, description: killed)).isEmpty)
        #expect(conversation.event(.processEnded(name: "w1", processIdentifier: 101, description: killed)).isEmpty)
        let actions = conversation.wait()
        #expect(actions.verdict?.worker == "w1")
        #expect(actions.verdict?.message == "worker w1 was lost (backward of step 2): signal 9 (SIGKILL)")
        #expect(actions.verdict?.exitCode == .failed)
        #expect(actions.releases == [0: .failed, 2: .failed])
        #expect(conversation.wait().isEmpty)
    }

    @Test func aBrokenLinkBetweenTheLivingIsNamed() {
        var conversation = Conversation.running(3)
        _ = conversation.say(0, .linkDown(LinkDown(generation: 1, peer: "w2", reason: "reset")))
        // One of another generation says nothing about this one.
        _ = conversation.say(0, .linkDown(LinkDown(generation: 9, peer: "w1", reason: "reset")))
        let verdict = conversation.wait().verdict
        #expect(verdict?.message == "the link between w0 and w2 broke: reset")
        #expect(verdict?.worker == nil)
        var common = Conversation.running(3)
        _ = common.say(0, .linkDown(LinkDown(generation: 1, peer: "w2", reason: "reset")))
        _ = common.say(1, .linkDown(LinkDown(generation: 1, peer: "w2", reason: "reset")))
        #expect(common.wait().verdict?.worker == "w2")
    }

    @Test func whoIsSilentIsLost() {
        var conversation = Conversation.running(2)
        for second in 1...20 {
            conversation.now += 1_000_000_000
            _ = conversation.event(.tick)
            let pong = Pong(nonce: 1, step: 4, stage: .forward, waitingFor: [])
            _ = conversation.say(0, .pong(pong))
            if second == 1 { _ = conversation.say(1, .pong(pong)) }
            if conversation.core.mode == .ended {
                #expect(second >= 11)
                break
            }
        }
        guard case .verdict(let verdict) = conversation.core.journal.last else {
            Issue.record("no verdict")
            return
        }
        #expect(verdict.worker == "w1")
        #expect(verdict.cause == "no answer for 10 s, last in forward of step 4")
    }

    @Test func aCoordinatorThatSleptBlamesNobody() {
        var conversation = Conversation.running(2)
        conversation.now += 60_000_000_000
        #expect(!conversation.event(.tick).contains { if case .log = $0 { true } else { false } })
        #expect(conversation.core.mode == .running)
    }

    @Test func aPlannedStopCollectsTheState() {
        var conversation = Conversation.running(2)
        let plans = conversation.event(.stopRequested(reason: "SIGTERM"))
        #expect(
            plans == [
                .send(ConnectionNumber(0), .plan(generation: 2)), .send(ConnectionNumber(1), .plan(generation: 2)),
            ])
        #expect(conversation.say(0, .frozen(Frozen(generation: 2, step: 6, hash: conversation.hash))).isEmpty)
        let actions = conversation.say(1, .frozen(Frozen(generation: 2, step: 6, hash: conversation.hash)))
        #expect(actions.contains(.send(ConnectionNumber(1), .fetch(Fetch(step: 6, share: 1, count: 2)))))
        #expect(conversation.event(.stateCollected(step: 5)) == [.dropState(step: 5)])
        #expect(
            conversation.event(.stateCollected(step: 6)) == [
                .writeSnapshot(step: 6, hash: conversation.hash, isBest: false)
            ])
        let end = conversation.event(.snapshotWritten(step: 6, digest: Conversation.digest))
        #expect(end.result?.snapshotStep == 6)
        #expect(end.result?.exitCode == .temporary)
        #expect(end.releases == [0: .temporary, 1: .temporary])
        // The run can be resumed, so it is not final.
        #expect(
            conversation.core.journal.last
                == .snapshot(step: 6, hash: conversation.hash, digest: Conversation.digest))
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

    @Test func theFirstLossIsTheCause() {
        var conversation = Conversation.running(3)
        _ = conversation.event(.closed(ConnectionNumber(2), reason: "reset"))
        _ = conversation.event(.closed(ConnectionNumber(0), reason: "reset"))
        #expect(conversation.wait().verdict?.worker == "w2")
    }

    @Test func aLossAfterAWishToStopIsNoFailure() {
        var conversation = Conversation.running(2)
        _ = conversation.event(.stopRequested(reason: "SIGTERM"))
        _ = conversation.event(.closed(ConnectionNumber(1), reason: "reset"))
        let end = conversation.wait()
        #expect(end.result?.exitCode == .temporary && end.result?.snapshotStep == nil)
        #expect(end.releases == [0: .temporary])
    }

    @Test func stepsAreReportedOnceAndInOrder() {
        var conversation = Conversation.running(2)
        func reports(_ steps: [UInt32]) -> [StepReport] {
            steps.map {
                StepReport(step: $0, epoch: 1, loss: 1, metrics: [], learningRate: 1, samples: 1, seconds: 1)
            }
        }
        func say(_ worker: Int, _ steps: [UInt32]) -> [CoordinatorAction] {
            conversation.say(
                worker, .progress(Progress(generation: 1, step: 1, stage: .update, reports: reports(steps))))
        }
        #expect(say(0, [2, 3]).isEmpty)
        #expect(say(0, [1, 2]) == [.report(reports([1, 2]))])
        #expect(say(1, [1, 2, 3]) == [.report(reports([3]))])
        #expect(say(1, [5]).isEmpty)
    }

    @Test func aStopDoesNotWaitForEver() {
        var conversation = Conversation.running(2)
        let start = conversation.now
        _ = conversation.event(.stopRequested(reason: "SIGTERM"))
        _ = conversation.say(0, .frozen(Frozen(generation: 2, step: 6, hash: conversation.hash)))
        var end: [CoordinatorAction] = []
        while end.result == nil { end = conversation.wait() }
        #expect(end.result?.snapshotStep == nil)
        #expect(conversation.now - start == 3_000_000_000)
        var early = Conversation(workers: 2)
        _ = early.hello("w0", 0)
        let actions = early.event(.stopRequested(reason: "SIGTERM"))
        #expect(actions.result?.outcome == .stopped(reason: "SIGTERM"))
        #expect(actions.releases == [0: .temporary])
    }

    @Test func whoSpeaksOutOfTurnIsExpelled() {
        for message in [
            ControlMessage.ping(nonce: 1), .unable(Unable(exitCode: .usage, message: "")), .freeze(generation: 1),
        ] {
            var conversation = Conversation.running(2)
            let actions = conversation.say(1, message)
            #expect(actions.contains { if case .close(ConnectionNumber(1), _) = $0 { true } else { false } })
            #expect(conversation.wait().verdict?.worker == "w1")
        }
        var conversation = Conversation(workers: 2)
        _ = conversation.hello("w0", 0)
        _ = conversation.prepared(0)
        #expect(conversation.prepared(0).contains { if case .close = $0 { true } else { false } })
    }

    @Test func aHaltNamesStepAndLane() {
        var conversation = Conversation.running(3)
        let halted = conversation.say(1, .halted(Halted(generation: 1, step: 9, cause: .lossNotFinite(lane: 5))))
        #expect(halted.verdict?.step == 9 && halted.verdict?.lane == 5)
        #expect(halted.verdict?.message.contains("lane 5") == true)
        #expect(conversation.say(0, .halted(Halted(generation: 1, step: 9, cause: .lossNotFinite(lane: 5)))).isEmpty)
        var differing = Conversation.running(3)
        let hashes = (0..<3).map {
            HaltCause.MemberHash(name: "w\($0)", hash: StateHash(high: 0, low: $0 == 2 ? 1 : 0))
        }
        let actions = differing.say(0, .halted(Halted(generation: 1, step: 9, cause: .hashesDiffer(hashes))))
        #expect(actions.verdict?.worker == "w2")
    }

    @Test func aLossAfterTheStateIsHereIsNoLoss() {
        var conversation = Conversation.running(1)
        let done = Done(
            generation: 1, step: 3, hash: conversation.hash, lanesComputed: 24, gradientBytesSent: 0, evaluation: nil,
            lastEpoch: [1])
        _ = conversation.say(0, .done(done))
        _ = conversation.event(.closed(ConnectionNumber(0), reason: "reset"))
        _ = conversation.event(.stateCollected(step: 3))
        conversation.now += 1_000_000_000
        #expect(conversation.event(.tick).verdict == nil)
        let end = conversation.event(.snapshotWritten(step: 3, digest: Conversation.digest))
        #expect(end.result?.outcome == .completed)
        #expect(end.result?.members.first?.done == done)
        var late = Conversation.running(1)
        _ = late.say(0, .done(done))
        _ = late.event(.stateCollected(step: 3))
        _ = late.event(.closed(ConnectionNumber(0), reason: "reset"))
        late.now += 1_000_000_000
        #expect(late.event(.tick).verdict == nil)
        #expect(late.event(.snapshotWritten(step: 3, digest: Conversation.digest)).result?.outcome == .completed)
        var failing = Conversation.running(1)
        _ = failing.say(0, .done(done))
        #expect(failing.event(.stateInvalid(step: 3, reason: "share 0 is too short")).verdict?.stage == .snapshot)
        var full = Conversation.running(1)
        _ = full.say(0, .done(done))
        _ = full.event(.stateCollected(step: 3))
        #expect(
            full.event(.snapshotFailed(step: 3, reason: "disk full")).verdict?.message.contains("disk full") == true)
    }
}
