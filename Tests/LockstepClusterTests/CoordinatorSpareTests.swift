import LockstepCluster
import LockstepCore
import Testing

/// Observers that are kept, and how they come in.
@Suite struct CoordinatorSpareTests {
    @Test func theFirstAreMembersAndTheNextIsKept() {
        var conversation = Conversation(workers: 2) { $0.spares = 1 }
        for index in 0..<3 { conversation.join("w\(index)", index) }
        _ = conversation.prepared(2)
        #expect(conversation.prepared(1).starts.keys.sorted() == [1, 2])
        _ = conversation.prepared(0)
        #expect(conversation.linked([1, 2], 1).preflights.keys.sorted() == [0])
        let caughtUp = conversation.catchUp(0, step: 3)
        #expect(caughtUp.infos.last == "worker w0 has caught up with step 3 and is kept as a spare")
        #expect(conversation.wait().plans.isEmpty)
        let readings = conversation.core.workerReadings
        #expect(readings.map(\.role) == [.member, .member, .spare] && readings[2].source == "w1")
        // One more than that joins.
        conversation.join("w3", 3)
        _ = conversation.prepared(3)
        #expect(conversation.core.workerReadings[3].role == .waiting)
        _ = conversation.preflighted(3)
        #expect(conversation.core.workerReadings[3].role == .observer)
        _ = conversation.observing(3, "w2")
        #expect(
            conversation.observing(3, "w2", isCaughtUp: true, step: 4).infos.last
                == "worker w3 has caught up with step 4 and is kept as a spare")
        #expect(conversation.core.workerReadings.map(\.role) == [.member, .member, .observer, .spare])
        #expect(conversation.wait().plans == [0: 2, 1: 2, 2: 2])
    }

    @Test func allAtOnce() {
        // All are ready at once, and the run begins with those that were asked for.
        var conversation = Conversation(workers: 3) {
            $0.spares = 1
            $0.minWorkers = 3
        }
        for index in 0..<5 { conversation.join("w\(index)", index) }
        for index in 0..<2 { _ = conversation.prepared(index) }
        let starts = conversation.prepared(2).starts
        #expect(starts.keys.sorted() == [0, 1, 2])
    }

    @Test func aSpareIsInTheVeryNextRoster() {
        var conversation = Conversation.running(2) { $0.spares = 1 }
        _ = conversation.progress(0, 1, 1...5)
        _ = conversation.observe("w2", 2, step: 5)
        #expect(conversation.closed(1).freezes == [0: 2, 2: 2])
        // It is waited for.
        #expect(conversation.frozen(0, 2, 6).starts.isEmpty)
        let roster = conversation.frozen(2, 2, 6).starts[2]?.roster
        #expect(roster?.members.map(\.name) == ["w0", "w2"] && roster?.holders == ["w0", "w2"])
        let incident = conversation.linked([0, 2], 2).incidents.first
        #expect(incident?.verdict.worker == "w1" && incident?.roster.members.count == 2)
    }

    @Test func aSpareHoldsUpNobodyForLong() {
        var conversation = Conversation.running(2) { $0.spares = 1 }
        _ = conversation.progress(0, 1, 1...5)
        _ = conversation.observe("w2", 2, step: 5)
        _ = conversation.closed(1)
        _ = conversation.frozen(0, 2, 6)
        let start = conversation.now
        let actions = conversation.wait()
        #expect(actions.starts.keys.sorted() == [0] && actions.closes.isEmpty)
        #expect(conversation.now - start == 750_000_000 * UInt64(conversation.core.roster?.patience ?? 0))
        // Its answer is late, and changes nothing.
        #expect(conversation.frozen(2, 2, 6).isEmpty)
        // One that is not wanted, or has nothing, is not waited for at all.
        var spare = Conversation.running(2) { $0.spares = 1 }
        _ = spare.observe("w2", 2)
        _ = spare.say(0, .linkDown(LinkDown(generation: 1, peer: "w1", reason: "reset")))
        _ = spare.frozen(0, 2, 6)
        #expect(spare.frozen(1, 2, 6).starts.keys.sorted() == [0, 1])
        var joiner = Conversation.running(2)
        joiner.join("w2", 2)
        _ = joiner.prepared(2)
        #expect(joiner.closed(1).freezes == [0: 2, 2: 2])
        #expect(joiner.frozen(0, 2, 6).starts.keys.sorted() == [0])
    }

    @Test func theLastHolderMayBeAnObserver() {
        var conversation = Conversation.running(1) { $0.spares = 1 }
        _ = conversation.progress(0, 1, 1...5)
        _ = conversation.observe("w1", 1, step: 5)
        // Nobody else is there: it is waited for.
        #expect(conversation.closed(0).freezes == [1: 2])
        let roster = conversation.frozen(1, 2, 5).starts[1]?.roster
        #expect(roster?.members.map(\.name) == ["w1"] && roster?.holders == ["w1"] && roster?.start.step == 5)
        // One that is behind is no holder.
        var behind = Conversation.running(1) { $0.spares = 1 }
        _ = behind.progress(0, 1, 1...5)
        _ = behind.observe("w1", 1, step: 3)
        _ = behind.closed(0)
        _ = behind.frozen(1, 2, 3)
        #expect(behind.core.mode == .paused(generation: 2))
        // A stop takes what it has.
        var stopped = Conversation.running(1) { $0.spares = 1 }
        _ = stopped.progress(0, 1, 1...5)
        _ = stopped.observe("w1", 1, step: 5)
        _ = stopped.event(.stopRequested(reason: "SIGTERM"))
        _ = stopped.closed(0)
        #expect(stopped.frozen(1, 3, 5).fetches == [1: [Fetch(step: 5, share: 0, count: 1)]])
    }

    @Test func aLateAnswerCountsInAPause() {
        var conversation = Conversation.running(2) { $0.spares = 1 }
        _ = conversation.progress(0, 1, 1...5)
        _ = conversation.observe("w2", 2, step: 5)
        _ = conversation.say(0, .linkDown(LinkDown(generation: 1, peer: "w1", reason: "reset")))
        // Two that disagree, and the spare is not wanted for that.
        _ = conversation.frozen(0, 2, 6)
        #expect(conversation.frozen(1, 2, 6, hash: conversation.hash).contains(.offerState))
        #expect(conversation.frozen(2, 2, 6).isEmpty)
        let offer = Holding(point: StatePoint(step: 4), hash: Conversation.hash(4), wholeHash: Conversation.hash(4))
        let roster = conversation.event(.stateOffered(offer)).starts[0]?.roster
        #expect(roster?.start.step == 6 && roster?.holders == ["w0"] && roster?.distrusted == [ProcessNumber(1)])
    }

    @Test func oneThatHangsDoesNotHoldUpTheOthersThatTakeOver() {
        // The only member leaves, and two could take over.
        var conversation = Conversation.running(1)
        _ = conversation.progress(0, 1, 1...5)
        for index in 1...2 { _ = conversation.observe("w\(index)", index, step: 5) }
        _ = conversation.say(0, .leaving(Leaving(reason: "SIGTERM")))
        #expect(conversation.wait().plans == [0: 2, 1: 2, 2: 2])
        #expect(conversation.frozen(0, 2, 6).freezes == [1: 2, 2: 2])
        #expect(conversation.frozen(1, 2, 6).isEmpty)
        let start = conversation.now
        var hung = conversation
        let actions = conversation.wait()
        #expect(actions.starts.keys.sorted() == [1] && conversation.now - start == 750_000_000)
        // Where all others hang who leaves has to stay.
        _ = hung.say(1, .leaving(Leaving(reason: "SIGTERM")))
        #expect(hung.wait().starts.keys.sorted() == [0, 1])
        var alone = Conversation.running(1)
        _ = alone.progress(0, 1, 1...5)
        _ = alone.observe("w1", 1, step: 5)
        _ = alone.say(0, .leaving(Leaving(reason: "SIGTERM")))
        _ = alone.wait()
        _ = alone.frozen(0, 2, 6)
        let stayed = alone.wait()
        #expect(stayed.starts.keys.sorted() == [0] && stayed.releases.isEmpty)
    }

    @Test func belowTheLeastNumberAJoinerIsTakenAsItIs() {
        var conversation = Conversation.running(2) { $0.minWorkers = 2 }
        _ = conversation.progress(0, 1, 1...5)
        conversation.join("w2", 2)
        _ = conversation.prepared(2)
        _ = conversation.closed(1)
        #expect(conversation.frozen(0, 2, 6).starts.isEmpty)
        let roster = conversation.frozen(2, 2, 0, hash: conversation.hash).starts[0]?.roster
        #expect(roster?.members.map(\.name) == ["w0", "w2"] && roster?.holders == ["w0"])
    }

    @Test func whoIsNotTakenThoughItWasWantedWaits() {
        var conversation = Conversation.running(2)
        _ = conversation.progress(0, 1, 1...6)
        _ = conversation.observe("w2", 2, step: 5)
        #expect(conversation.wait().plans.count == 3)
        _ = conversation.frozen(0, 2, 6)
        _ = conversation.frozen(1, 2, 6)
        // Its feed broke.
        let started = conversation.say(2, .frozen(Frozen(generation: 2, holding: nil)))
        #expect(started.starts.keys.sorted() == [0, 1])
        #expect(
            started.warnings == [
                "worker w2 is left out for now: it did not hold the state that the others go on from"
            ])
        #expect(conversation.linked([0, 1], 2).incidents.isEmpty)
        _ = conversation.observing(2, "w0", isCaughtUp: true, step: 8)
        #expect(conversation.wait().plans.isEmpty)
    }

    @Test func whoIsNeverInTimeIsTakenAsItIs() {
        var conversation = Conversation.running(1)
        _ = conversation.progress(0, 1, 1...5)
        _ = conversation.observe("w1", 1, step: 5)
        var plans = 0
        for generation in 2...5 as ClosedRange<UInt32> {
            for _ in 0..<1000 where conversation.core.mode == .running {
                conversation.now += 1_000_000_000
                for index in 0..<2 {
                    _ = conversation.say(index, .pong(Pong(nonce: 1, step: 6, stage: .forward, waitingFor: [])))
                }
                let step = conversation.core.lastReported + 1
                _ = conversation.progress(0, conversation.core.roster?.generation ?? 0, step...step)
                _ = conversation.event(.tick)
            }
            plans += 1
            _ = conversation.frozen(0, generation, conversation.core.lastReported)
            _ = conversation.say(1, .frozen(Frozen(generation: generation, holding: nil)))
            _ = conversation.linked([0, 1], generation)
            if conversation.core.roster?.members.count == 2 { break }
        }
        #expect(plans == 4 && conversation.core.roster?.members.map(\.name) == ["w0", "w1"])
        #expect(conversation.core.roster?.holders == ["w0"])
    }

    @Test func sparesMakeUpForQuarantine() {
        var conversation = Conversation(workers: 2) { $0.spares = 1 }
        conversation.join("w1", 1)
        _ = conversation.prepared(1)
        #expect(conversation.event(.quarantined(name: "w0", reason: "flaps")).starts.isEmpty)
        conversation.join("w2", 2)
        #expect(conversation.prepared(2).starts.keys.sorted() == [1, 2])
        // Two are gone: one is left, and may begin alone.
        var few = Conversation(workers: 2) { $0.spares = 1 }
        few.join("w1", 1)
        _ = few.prepared(1)
        _ = few.event(.quarantined(name: "w0", reason: "flaps"))
        #expect(few.event(.quarantined(name: "w2", reason: "flaps")).starts.keys.sorted() == [1])
    }

    @Test func observersAreReleasedAtTheEnd() {
        var conversation = Conversation.running(1) { $0.spares = 1 }
        _ = conversation.observe("w1", 1)
        _ = conversation.say(
            0,
            .done(
                Done(
                    generation: 1, step: 3, hash: conversation.hash, lanesComputed: 8, gradientBytesSent: 0,
                    evaluation: nil, lastEpoch: [1])))
        _ = conversation.event(.stateCollected(step: 3))
        let ended = conversation.event(.snapshotWritten(step: 3, digest: Conversation.digest))
        #expect(ended.releases == [0: .success, 1: .success] && ended.result?.members.map(\.name) == ["w0"])
    }
}
