import LockstepCluster
import LockstepCollectives
import LockstepCore
import Testing

/// A coordinator that takes over a run, and the collection of the last state.
@Suite struct CoordinatorRecoveryTests {
    /// A coordinator after one that began generation 1 with two workers.
    private func restarted(
        _ more: [JournalRecord] = [], workers: Int = 2, reported: UInt32 = 0
    ) -> Conversation {
        let earlier = Conversation.running(2)
        let history = JournalRecord.replay(earlier.core.journal + more)
        return Conversation(workers: workers) {
            $0.history = history
            $0.welcome.incarnation = 2
            $0.welcome.reportedStep = reported
        }
    }

    private func comeBack(
        _ conversation: inout Conversation, _ index: Int, running: UInt32 = 1, promised: UInt32 = 1
    ) -> [CoordinatorAction] {
        let control = conversation.hello(
            "w\(index)", 10 + index, process: UInt64(index), running: running, promised: promised, isPrepared: true)
        let bulk = conversation.hello(
            "w\(index)", 110 + index, process: UInt64(index), purpose: .bulk, running: running, promised: promised)
        return control + bulk + conversation.prepared(10 + index)
    }

    @Test func aHealthyRosterIsAdopted() {
        var conversation = restarted(reported: 6)
        #expect(conversation.core.mode == .recovering)
        _ = comeBack(&conversation, 0)
        #expect(conversation.core.mode == .recovering)
        let actions = comeBack(&conversation, 1)
        #expect(conversation.core.mode == .running && actions.starts.isEmpty && actions.freezes.isEmpty)
        #expect(actions.contains { if case .workersReady = $0 { true } else { false } })
        #expect(conversation.core.journal == [.incarnation(2)])
        // It knows what is reported, and who is needed.
        let progress = conversation.progress(10, 1, 5...8)
        #expect(progress == [.report(Conversation.reports(7...8))])
        #expect(conversation.closed(11).freezes == [10: 2])
        #expect(conversation.frozen(10, 2, 8).starts[10]?.roster.members.first?.lanes == 0..<8)
    }

    /// What was distrusted has been copied anew since, and only the observer itself can tell.
    @Test func aCopySpeaksThoughNobodyHeardOfIt() {
        func begun(copied: UInt32?) -> Roster? {
            var conversation = Conversation.running(3) { $0.spares = 1 }
            _ = conversation.observe("w3", 3)
            _ = conversation.closed(2)
            _ = conversation.frozen(3, 2, 6, hash: StateHash(high: 8, low: 8))
            for index in [0, 1] { _ = conversation.frozen(index, 2, 6) }
            #expect(conversation.core.roster?.distrusted == [ProcessNumber(3)])
            let history = JournalRecord.replay(conversation.core.journal)
            conversation = Conversation(workers: 2) {
                $0.history = history
                $0.welcome.incarnation = 2
            }
            _ = comeBack(&conversation, 0, running: 2, promised: 2)
            #expect(comeBack(&conversation, 3, running: 0, promised: 3).freezes == [10: 4, 13: 4])
            // One of two states that differ is damaged, and nobody knows which.
            _ = conversation.frozen(10, 4, 9, hash: StateHash(high: 8, low: 8))
            var frozen = Conversation.frozen(4, 9)
            frozen.source = ProcessNumber(1)
            frozen.copied = copied
            return conversation.say(13, .frozen(frozen)).starts[10]?.roster
        }
        #expect(begun(copied: 2) == nil)
        // Else the observer's voice would not count.
        #expect(begun(copied: 1)?.start.step == 9)
    }

    /// The one that knows what the state must be has everything but its bulk connection.
    @Test(arguments: [true, false]) func whoHoldsTheStateAndIsOnItsWayIsWaitedFor(comes: Bool) {
        var conversation = restarted(reported: 9)
        _ = conversation.hello("w3", 13, process: 3, promised: 1, isPrepared: true)
        _ = conversation.prepared(13, hash: Conversation.hash(8), step: 8)
        #expect(comeBack(&conversation, 0, promised: 2).freezes == [10: 3, 13: 3])
        var fed = Conversation.frozen(3, 8)
        fed.source = ProcessNumber(1)
        fed.copied = 1
        _ = conversation.say(13, .frozen(fed))
        // It is ahead, alone, and damaged.
        var lone = Conversation.frozen(3, 9, hash: StateHash(high: 8, low: 8))
        lone.agreed = Frozen.Agreement(point: StatePoint(step: 8), hash: Conversation.hash(8))
        #expect(conversation.say(10, .frozen(lone)).starts.isEmpty)
        guard comes else {
            let start = conversation.now
            var actions: [CoordinatorAction] = []
            for _ in 0..<20 where actions.starts.isEmpty { actions = conversation.wait() }
            #expect(actions.starts[10]?.roster.start.step == 9 && conversation.now - start < 1_000_000_000)
            return
        }
        let actions = conversation.hello("w3", 113, process: 3, purpose: .bulk, promised: 3)
        let roster = actions.starts[10]?.roster
        #expect(roster?.start.step == 8 && roster?.holders == ["w3"], "\(actions)")
    }

    /// Two that can be members agree, so that nothing hangs on a third.
    @Test func whoIsOnItsWayHoldsUpNobodyThatHasTheState() {
        var conversation = restarted(reported: 9)
        _ = conversation.hello("w3", 13, process: 3, promised: 1, isPrepared: true)
        _ = conversation.prepared(13, hash: Conversation.hash(9), step: 9)
        _ = comeBack(&conversation, 0, promised: 2)
        _ = comeBack(&conversation, 1, promised: 2)
        _ = conversation.frozen(13, 3, 9)
        #expect(conversation.frozen(10, 3, 9).starts.isEmpty)
        #expect(conversation.frozen(11, 3, 9).starts.keys.sorted() == [10, 11])
    }

    /// Where it is, is asked at once and not with the next heartbeat.
    @Test func whoComesBackSaysWhereItIs() {
        var conversation = restarted()
        let actions = conversation.hello("w0", 10, process: 0, running: 1, isPrepared: true)
        #expect(
            actions.contains { if case .send(ConnectionNumber(10), .ping) = $0 { true } else { false } }, "\(actions)")
        #expect(conversation.core.workerReadings.map(\.stage) == [.idle])
        _ = conversation.say(10, .pong(Pong(nonce: 1, step: 8, stage: .backward, waitingFor: [])))
        #expect(conversation.core.workerReadings.map(\.stage) == [.backward])
        #expect(conversation.core.workerReadings.map(\.step) == [8])
        // One that comes for the first time prepares.
        #expect(!conversation.hello("w5", 15).contains { if case .send(_, .ping) = $0 { true } else { false } })
        #expect(conversation.core.workerReadings.last?.stage == .preparing)
    }

    /// What those that are back hold is newer than any snapshot.
    @Test func aStopKeepsWhatIsThere() {
        var conversation = restarted()
        _ = comeBack(&conversation, 0)
        let stopped = conversation.event(.stopRequested(reason: "SIGTERM"))
        #expect(stopped.freezes == [10: 2] && stopped.result == nil)
        let share = CoordinatorAction.StateShare(name: "w0", index: 0, count: 1)
        #expect(conversation.frozen(10, 2, 8).contains(.collectState(step: 8, shares: [share])))
        _ = conversation.event(.stateCollected(step: 8))
        let result = conversation.event(.snapshotWritten(step: 8, digest: Conversation.digest)).result
        #expect(result?.snapshotStep == 8 && result?.exitCode == .temporary)
        // One that hangs does not keep it from its end.
        var hanging = restarted()
        _ = comeBack(&hanging, 0)
        let start = hanging.now
        _ = hanging.event(.stopRequested(reason: "SIGTERM"))
        for _ in 0..<100 where hanging.core.mode != .ended { _ = hanging.wait() }
        #expect(hanging.core.mode == .ended && hanging.now - start <= 3_000_000_000)
        // Where nobody is back there is nothing to keep.
        var empty = restarted()
        #expect(empty.event(.stopRequested(reason: "SIGTERM")).result?.snapshotStep == nil)
        #expect(empty.core.mode == .ended)
    }

    @Test func whoStandsStillIsAsked() {
        // A freeze was going on, or a plan.
        var promised = restarted([.generation(2)])
        #expect(comeBack(&promised, 0, promised: 2).freezes == [10: 3])
        // START had not come to all: both are here, and one still runs the generation before.
        var half = restarted()
        _ = comeBack(&half, 0)
        #expect(comeBack(&half, 1, running: 0, promised: 1).freezes == [10: 2, 11: 2])
        var frozen = restarted()
        _ = comeBack(&frozen, 0)
        #expect(frozen.frozen(10, 1, 5).freezes == [10: 2])
    }

    @Test func whoDoesNotComeBackIsLost() {
        var conversation = restarted()
        let start = conversation.now
        _ = comeBack(&conversation, 0)
        var actions: [CoordinatorAction] = []
        for _ in 0..<10_000 where conversation.core.mode == .recovering {
            conversation.now += 1_000_000_000
            _ = conversation.say(10, .pong(Pong(nonce: 1, step: 8, stage: .allReduce, waitingFor: ["w1"])))
            actions = conversation.event(.tick)
        }
        #expect(conversation.now - start == 10_000_000_000 && actions.freezes == [10: 2])
        let staysAway = "did not come back within 10 s; it is decided without it how the run goes on"
        #expect(actions.warnings == ["w1, a member of generation 1, \(staysAway)"])
        #expect(conversation.frozen(10, 2, 8).starts.keys.sorted() == [10])
    }

    @Test func whereNobodyComesBackTheRunBeginsFromItsStart() {
        var conversation = restarted()
        for index in 2..<4 { conversation.join("w\(index)", index) }
        for index in 2..<4 { #expect(conversation.prepared(index).isEmpty) }
        let start = conversation.now
        var actions: [CoordinatorAction] = []
        for _ in 0..<10_000 where actions.starts.isEmpty { actions = conversation.wait() }
        #expect(actions.starts.keys.sorted() == [2, 3] && conversation.now - start == 3_000_000_000)
        let stayAway = "did not come back within 3 s; it is decided without them how the run goes on"
        #expect(actions.warnings.last == "w0 and w1, members of generation 1, \(stayAway)")
        // All have been replaced: nobody can come.
        var replaced = restarted()
        for index in 0..<2 { replaced.join("w\(index)", 20 + index) }
        #expect(replaced.prepared(20).isEmpty)
        let begins = replaced.prepared(21)
        #expect(begins.starts.keys.sorted() == [20, 21] && begins.warnings.isEmpty)
        // They were released, or the run is of a kind whose workers cannot be there.
        #expect(restarted([.verdict(Verdict(cause: "c", message: "m"))]).core.mode == .gathering)
    }

    @Test func whoComesBackLateStillCounts() {
        var conversation = restarted(workers: 3)
        for _ in 0..<10_000 where conversation.core.mode == .recovering {
            if conversation.core.nextDeadline == nil { _ = conversation.hello("w9", 9) }
            _ = conversation.wait()
        }
        #expect(conversation.core.mode == .gathering)
        // It works on what is newer than the start.
        #expect(comeBack(&conversation, 0).freezes[10] == 2)
        #expect(conversation.frozen(10, 2, 8).starts[10]?.roster.start.step == 8)
    }

    @Test func aMeasuringRosterIsNotAdopted() {
        var earlier = Conversation(workers: 2) { $0.elementCount = 1_000_000 }
        for index in 0..<2 { earlier.join("w\(index)", index) }
        for index in 0..<2 { _ = earlier.prepared(index) }
        #expect(earlier.core.mode == .measuring)
        let history = JournalRecord.replay(earlier.core.journal)
        let conversation = Conversation(workers: 2) { $0.history = history }
        #expect(conversation.core.mode == .gathering)
    }

    // MARK: The last state

    private func done(_ generation: UInt32 = 1) -> ControlMessage {
        .done(
            Done(
                generation: generation, step: 3, hash: Conversation.hash(3), lanesComputed: 12, gradientBytesSent: 0,
                evaluation: nil, lastEpoch: [1]))
    }

    private func shares(_ actions: [CoordinatorAction]) -> [CoordinatorAction.StateShare] {
        actions.compactMap { if case .collectState(_, let shares) = $0 { shares } else { nil } }.last ?? []
    }

    @Test func othersSendTheSharesOfALostWorker() {
        var conversation = Conversation.running(3)
        var actions: [CoordinatorAction] = []
        for index in 0..<3 { actions = conversation.say(index, done()) }
        #expect(shares(actions).map(\.name) == ["w0", "w1", "w2"])
        actions = conversation.closed(1)
        #expect(shares(actions).map(\.name) == ["w0", "w0", "w2"] && shares(actions).map(\.attempt) == [0, 1, 0])
        #expect(actions.fetches == [0: [Fetch(step: 3, share: 1, count: 3)]] && actions.freezes.isEmpty)
        actions = conversation.closed(0)
        #expect(shares(actions).map(\.name) == ["w2", "w2", "w2"] && shares(actions).map(\.attempt) == [1, 2, 0])
        #expect(actions.fetches[2]?.map(\.share) == [0, 1])
        #expect(conversation.core.expectedShares(ofStep: 3) == shares(actions))
        _ = conversation.event(.stateCollected(step: 3))
        let end = conversation.event(.snapshotWritten(step: 3, digest: Conversation.digest))
        #expect(end.result?.outcome == .completed)
    }

    @Test func aReopenedConnectionBeginsItsSharesAnew() {
        var conversation = Conversation.running(2)
        for index in 0..<2 { _ = conversation.say(index, done()) }
        _ = conversation.closed(101)
        let actions = conversation.hello("w1", 201, process: 1, purpose: .bulk)
        #expect(shares(actions).map(\.attempt) == [0, 1])
        #expect(actions.fetches == [1: [Fetch(step: 3, share: 1, count: 2)]])
    }

    @Test func whenAllAreLostTheStateIsSoughtAgain() {
        var conversation = Conversation.running(1)
        _ = conversation.say(0, done())
        _ = conversation.closed(0)
        #expect(conversation.core.mode == .paused(generation: 2))
        _ = conversation.hello("w0", 10, process: 0, running: 1, isPrepared: true)
        _ = conversation.frozen(10, 3, 3)
        #expect(conversation.core.mode == .running && conversation.core.roster?.startStep == 3)
        _ = conversation.linked([10], 3)
        #expect(shares(conversation.say(10, done(3))).map(\.name) == ["w0"])
    }

    @Test func whoWasLeftOutDisturbsNobody() {
        func restarted(_ generation: UInt32) -> Conversation {
            var conversation = Conversation(workers: 1) {
                $0.history = JournalRecord.replay(Conversation.running(1).core.journal)
            }
            _ = conversation.hello("w1", 1, isPrepared: true)
            _ = conversation.hello("w1", 101, process: 1, purpose: .bulk)
            _ = conversation.prepared(1)
            _ = conversation.frozen(1, generation, 4)
            _ = conversation.hello("w0", 0, running: 1, isPrepared: true)
            _ = conversation.hello("w0", 100, process: 0, purpose: .bulk)
            return conversation
        }
        #expect(restarted(1).core.mode == .running)
        #expect(
            restarted(2).core.mode == .freezing(generation: 3) || restarted(2).core.mode == .freezing(generation: 2))
    }

    /// Who is alone and could not take the state that was offered does not end the run at once.
    @Test func aStateThatCannotBeTakenIsOfferedAgain() {
        var conversation = Conversation.running(1)
        _ = conversation.progress(0, 1, 1...5)
        _ = conversation.event(.processEnded(name: "w0", processIdentifier: 100, description: "signal 9 (SIGKILL)"))
        conversation.join("w1", 1)
        _ = conversation.prepared(1)
        #expect(conversation.frozen(1, 3, 0, hash: conversation.hash).contains(.offerState))
        let offer = Holding(point: StatePoint(step: 4), hash: Conversation.hash(4), wholeHash: Conversation.hash(4))
        for generation in [3, 4] as [UInt32] {
            #expect(conversation.event(.stateOffered(offer)).starts[1]?.roster.holders == [])
            _ = conversation.linked([1], generation)
            let halted = conversation.say(1, .halted(halt(generation)))
            #expect(halted.verdict == nil && halted.freezes == [1: generation + 1])
            let frozen = Frozen(generation: generation + 1, holding: nil)
            #expect(conversation.say(1, .frozen(frozen)).contains(.offerState))
        }
        _ = conversation.event(.stateOffered(offer))
        // A third time it is not.
        #expect(conversation.say(1, .halted(halt(5))).verdict?.message.contains("another state") == true)
        // Where others hold the state it is no fault of what was offered.
        var other = Conversation.running(1)
        #expect(other.say(0, .halted(halt(1))).verdict != nil)
    }

    private func halt(_ generation: UInt32) -> Halted {
        Halted(generation: generation, step: 4, cause: .other("took another state than the one it was to take"))
    }
}
