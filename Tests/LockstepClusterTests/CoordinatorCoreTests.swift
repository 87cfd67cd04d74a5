import LockstepCluster
import LockstepCollectives
import LockstepCore
import Testing

@Suite struct CoordinatorCoreTests {
    @Test func whoDoesNotBelongIsRefused() {
        var conversation = Conversation(workers: 2)
        #expect(conversation.hello("w0", 0, certificate: "w9").refusal?.contains("certificate says w9") == true)
        #expect(conversation.hello("w0", 0, version: "2").refusal?.contains("version 2") == true)
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

    @Test func theLostWorkerIsNamedNotTheOneThatReportsIt() {
        var conversation = Conversation.running(3)
        let report = StepReport(
            step: 1, epoch: 1, loss: 1, metrics: [], learningRate: 1, samples: 1, seconds: 1)
        let progress = Progress(generation: 1, step: 2, stage: .backward, reports: [report])
        #expect(conversation.say(1, .progress(progress)) == [.report([report])])
        #expect(conversation.say(0, .progress(progress)).isEmpty)
        // The first sign is enough for a freeze; what comes later explains it.
        #expect(
            conversation.say(0, .linkDown(LinkDown(generation: 1, peer: "w1", reason: "reset by peer"))).freezes == [
                0: 2, 1: 2, 2: 2,
            ])
        _ = conversation.say(2, .linkDown(LinkDown(generation: 1, peer: "w1", reason: "reset by peer")))
        let lost = conversation.event(.closed(ConnectionNumber(1), reason: "end of stream"))
        #expect(lost.warnings == ["worker lost: w1 (its control connection was lost: end of stream)"])
        let killed = "signal 9 (SIGKILL)"
        #expect(conversation.event(.processEnded(name: "w0", processIdentifier: 999, description: killed)).isEmpty)
        #expect(conversation.event(.processEnded(name: "w1", processIdentifier: 101, description: killed)).isEmpty)
        _ = conversation.frozen(0, 2, 1)
        conversation.now += 120_000_000
        #expect(conversation.frozen(2, 2, 1).starts.keys.sorted() == [0, 2])
        let incident = conversation.linked([0, 2], 2).incidents.first
        #expect(incident?.verdict.worker == "w1" && incident?.verdict.stage == .backward)
        #expect(
            incident?.message
                == "worker w1 was lost in backward of step 2: signal 9 (SIGKILL); "
                + "2 workers go on from step 1 after 0.12 s")
        #expect(conversation.core.incidentCount == 1 && conversation.core.mode == .running)
    }

    @Test func aBrokenLinkBetweenTheLivingIsNamed() {
        var conversation = Conversation.running(3)
        // One of another generation says nothing about this one.
        #expect(conversation.say(0, .linkDown(LinkDown(generation: 9, peer: "w1", reason: "reset"))).isEmpty)
        _ = conversation.say(0, .linkDown(LinkDown(generation: 1, peer: "w2", reason: "reset")))
        var common = conversation
        for index in 0..<3 { _ = conversation.frozen(index, 2, 4) }
        // They could be dialled again: nobody is left out.
        #expect(conversation.core.roster?.members.count == 3)
        let verdict = conversation.linked([0, 1, 2], 2).incidents.first?.verdict
        #expect(verdict?.message == "the link between w0 and w2 broke: reset" && verdict?.worker == nil)
        _ = common.say(1, .linkDown(LinkDown(generation: 1, peer: "w2", reason: "reset")))
        for index in 0..<3 {
            _ = common.frozen(index, 2, 4, outOfReach: index == 2 ? [] : ["w2"])
        }
        #expect(common.core.roster?.members.map(\.name) == ["w0", "w1"])
        #expect(common.linked([0, 1], 2).incidents.first?.verdict.worker == "w2")
    }

    @Test func whoIsSilentIsSuspectedAndThenLost() {
        var conversation = Conversation.running(2)
        let start = conversation.now
        let pong = ControlMessage.pong(Pong(nonce: 1, step: 4, stage: .forward, waitingFor: []))
        _ = conversation.say(1, pong)
        var said: [String] = []
        var suspected: UInt64?
        for _ in 0..<10_000 where conversation.core.mode == .running {
            conversation.now += 500_000_000
            _ = conversation.say(0, pong)
            said += conversation.event(.tick).warnings
            if suspected == nil, conversation.core.workerReadings[1].isSuspected {
                suspected = conversation.now - start
            }
        }
        #expect(suspected == 3_000_000_000 && conversation.now - start == 10_000_000_000)
        #expect(
            said == [
                "worker w1 has said nothing for 3 s, last in forward of step 4",
                "worker lost: w1 (no answer for 10 s, last in forward of step 4)",
            ])
        #expect(conversation.core.mode == .freezing(generation: 2))
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
        _ = conversation.closed(2)
        _ = conversation.closed(0)
        _ = conversation.frozen(1, 2, 3)
        let message = conversation.linked([1], 2).incidents.first?.message
        #expect(message?.hasPrefix("worker w2 was lost in linking: its control connection was lost: reset") == true)
        #expect(
            message?.contains("; lost with it: w0 (its control connection was lost: reset); 1 worker goes on") == true)
        // A lone worker has no links.
        #expect(conversation.core.roster?.exchange.links == 1)
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
        _ = conversation.frozen(0, 2, 6)
        var end: [CoordinatorAction] = []
        for _ in 0..<10_000 where end.result == nil { end = conversation.wait() }
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
            ControlMessage.ping(Ping(nonce: 1)), .unable(Unable(exitCode: .usage, message: "")),
            .freeze(Freeze(generation: 1)),
        ] {
            var conversation = Conversation.running(2)
            let actions = conversation.say(1, message)
            #expect(actions.closes.contains(1) && actions.releases == [1: .failed] && actions.freezes == [0: 2])
            // The end of its process is no better evidence than its own words.
            _ = conversation.event(.processEnded(name: "w1", processIdentifier: 101, description: "exit status 1"))
            _ = conversation.frozen(0, 2, 3)
            let cause = conversation.linked([0], 2).incidents.first?.verdict.cause
            #expect(cause?.hasPrefix("s") == true, "\(message)")
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
        // A state that is not the agreed one is looked at again, once.
        var failing = Conversation.running(1)
        _ = failing.say(0, .done(done))
        #expect(failing.event(.stateInvalid(step: 3, reason: "share 0 is too short")).freezes == [0: 2])
        _ = failing.frozen(0, 2, 3)
        _ = failing.linked([0], 2)
        var again = done
        again.generation = 2
        _ = failing.say(0, .done(again))
        #expect(failing.event(.stateInvalid(step: 3, reason: "share 0 is too short")).verdict?.stage == .snapshot)
        var full = Conversation.running(1)
        _ = full.say(0, .done(done))
        _ = full.event(.stateCollected(step: 3))
        #expect(
            full.event(.snapshotFailed(step: 3, reason: "disk full")).verdict?.message.contains("disk full") == true)
    }
}
