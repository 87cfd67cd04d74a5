import LockstepCluster
import LockstepCollectives
import LockstepCore
import Testing

/// From the first sign of a failure to the generation after it.
@Suite struct CoordinatorFreezeTests {
    private func index(_ record: (JournalRecord) -> Bool, _ conversation: Conversation) -> Int? {
        conversation.core.journal.firstIndex(where: record)
    }

    @Test func aLossIsFollowedByAFreezeAndAStart() {
        var conversation = Conversation.running(3, lanes: 6)
        _ = conversation.progress(0, 1, 1...4)
        let lost = conversation.closed(2)
        #expect(lost.freezes == [0: 2, 1: 2] && conversation.core.mode == .freezing(generation: 2))
        #expect(conversation.core.journal.last == .generation(2))
        // Answers of another freeze are none.
        #expect(conversation.frozen(0, 1, 4).isEmpty)
        #expect(conversation.frozen(0, 2, 4).isEmpty)
        let actions = conversation.frozen(1, 2, 4)
        let starts = actions.starts
        #expect(starts.keys.sorted() == [0, 1])
        let roster = starts[0]?.roster
        #expect(roster?.generation == 2 && roster?.start == StatePoint(step: 4))
        #expect(roster?.stateHash == Conversation.hash(4) && roster?.holders == ["w0", "w1"])
        #expect(roster?.members.map(\.lanes) == [0..<3, 3..<6])
        #expect(roster.map { conversation.core.journal.last == .roster($0) } == true)
        #expect(actions.contains { if case .generationBegins = $0 { true } else { false } })
        #expect(conversation.core.mode == .running && conversation.core.isLinking)
        // Late links of the old generation are no news.
        #expect(conversation.say(0, .linkDown(LinkDown(generation: 1, peer: "w2", reason: "reset"))).isEmpty)
        #expect(conversation.linked([0], 2).isEmpty)
        #expect(conversation.linked([1], 2).incidents.count == 1)
        #expect(conversation.core.generationCount == 2)
    }

    @Test func whoIsBehindLevels() {
        var conversation = Conversation.running(4)
        _ = conversation.closed(3)
        _ = conversation.frozen(0, 2, 5)
        _ = conversation.frozen(1, 2, 5)
        let roster = conversation.frozen(2, 2, 4).starts[2]?.roster
        #expect(roster?.start.step == 5 && roster?.holders == ["w0", "w1"])
        #expect(roster?.members.map(\.name) == ["w0", "w1", "w2"])
    }

    @Test func aSecondLossIsInTheSameDecision() {
        var conversation = Conversation.running(3)
        _ = conversation.closed(2)
        _ = conversation.frozen(0, 2, 5)
        // Nobody is waited for any more; no new number is needed.
        #expect(conversation.closed(1).starts.keys.sorted() == [0])
        #expect(conversation.core.roster?.generation == 2)
        #expect(conversation.linked([0], 2).incidents.count == 1)
    }

    @Test func aGenerationIsDecidedOnce() {
        func rosters(_ change: (inout ProtocolRules) -> Void) -> [UInt32] {
            var conversation = Conversation.running(4)
            change(&conversation.core.rules)
            _ = conversation.closed(3)
            for index in 0..<3 { _ = conversation.frozen(index, 2, 5) }
            // A loss after the decision, before its generation is linked.
            _ = conversation.closed(2)
            for index in 0..<2 { _ = conversation.frozen(index, 3, 5) }
            return conversation.core.journal.compactMap { record in
                if case .roster(let roster) = record { roster.generation } else { nil }
            }
        }
        #expect(rosters { _ in } == [1, 2, 3])
        // The canary.
        #expect(rosters { $0.decidesTwice = true } == [1, 2, 2])
    }

    @Test func withoutAFreezeNobodyIsAsked() {
        var conversation = Conversation.running(3)
        conversation.core.rules.startsWithoutFreeze = true
        let actions = conversation.closed(2)
        #expect(actions.freezes.isEmpty && actions.starts.keys.sorted() == [0, 1])
        var stale = Conversation.running(2)
        stale.core.rules.usesReportedStep = true
        _ = stale.progress(0, 1, 1...3)
        _ = stale.closed(1)
        #expect(stale.frozen(0, 2, 5).starts[0]?.roster.start.step == 3)
    }

    @Test func whoDoesNotStandStillIsDroppedAndComesBack() {
        var conversation = Conversation.running(3)
        _ = conversation.progress(0, 1, 1...1)
        _ = conversation.closed(2)
        _ = conversation.frozen(0, 2, 5)
        var actions: [CoordinatorAction] = []
        for _ in 0..<10_000 where actions.closes.isEmpty { actions = conversation.wait() }
        #expect(actions.closes.contains(1) && actions.releases.isEmpty && actions.starts.keys.sorted() == [0])
        #expect(actions.warnings.contains { $0.hasPrefix("worker lost: w1 (it did not stand still within 5 s") })
        // It wakes, and is not forgotten: it is told to stand still, and then like any joiner.
        _ = conversation.linked([0], 2)
        _ = conversation.hello("w1", 11, process: 1, running: 1, isPrepared: true)
        _ = conversation.hello("w1", 111, process: 1, purpose: .bulk)
        let returned = conversation.prepared(11)
        #expect(returned.freezes == [11: 2] && returned.preflights.keys.sorted() == [11])
        #expect(conversation.frozen(11, 2, 5).isEmpty)
        _ = conversation.catchUp(11, step: 8)
        let plan = conversation.wait()
        #expect(plan.plans == [0: 3, 11: 3])
        #expect(conversation.frozen(0, 3, 9).freezes == [11: 3])
        let starts = conversation.frozen(11, 3, 9).starts
        #expect(starts.keys.sorted() == [0, 11] && starts[11]?.roster.holders == ["w0", "w1"])
        #expect(starts[11]?.roster.start.step == 9)
    }

    @Test func whoIsWaitedForOnlyNowHasADeadlineToo() {
        var conversation = Conversation.running(2)
        _ = conversation.progress(0, 1, 1...5)
        for index in [2, 3] {
            conversation.join("w\(index)", index)
            _ = conversation.prepared(index)
        }
        // The member that is left hangs, and so does a joiner: nobody else holds what the run has come to.
        #expect(conversation.closed(1).freezes.keys.sorted() == [0, 2, 3])
        _ = conversation.frozen(2, 2, 0)
        var actions: [CoordinatorAction] = []
        func waitUntilClosed(_ connection: Int) {
            for _ in 0..<20 where !actions.closes.contains(connection) {
                for living in [2, 3] {
                    _ = conversation.say(living, .pong(Pong(nonce: 0, step: 0, stage: .idle, waitingFor: [])))
                }
                actions = conversation.wait()
            }
        }
        waitUntilClosed(0)
        #expect(actions.closes.contains(0) && !actions.closes.contains(3))
        waitUntilClosed(3)
        #expect(actions.closes.contains(3) && actions.warnings.last?.hasPrefix("the run is paused") == true)
    }

    @Test func whoComesBackInTimeIsAsked() {
        var conversation = Conversation.running(3)
        _ = conversation.closed(2)
        _ = conversation.closed(1)
        #expect(
            conversation.hello("w1", 11, process: 1, running: 1, isPrepared: true).freezes == [11: 2])
        _ = conversation.frozen(0, 2, 5)
        // It is waited for, and has its old place: a member needs no bulk connection and no new PREPARED.
        let starts = conversation.frozen(11, 2, 5).starts
        #expect(starts.keys.sorted() == [0, 11])
        #expect(starts[11]?.roster.members.last?.ports == [1])
    }

    @Test func aGreaterPromiseNeedsAGreaterNumber() {
        var conversation = Conversation.running(2)
        // It has promised what nobody here has decided.
        let actions = conversation.hello("w1", 11, process: 1, running: 1, promised: 7, isPrepared: true)
        #expect(actions.freezes == [0: 8, 11: 8])
        // A START that got lost with its connection comes again.
        var lost = Conversation.running(2)
        _ = lost.say(0, .linkDown(LinkDown(generation: 1, peer: "w1", reason: "reset")))
        for index in 0..<2 { _ = lost.frozen(index, 2, 5) }
        let again = lost.hello("w1", 11, process: 1, running: 1, promised: 2, isPrepared: true)
        #expect(again.starts[11]?.roster == lost.core.roster)
        // And a FROZEN of a higher generation says that its sender waits.
        #expect(lost.frozen(0, 5, 5).freezes.values.first == 3)
    }

    // MARK: Damage

    @Test func theMinorityIsEvictedAndNamed() {
        var conversation = Conversation.running(3)
        let hashes = (0..<3).map {
            HaltCause.MemberHash(name: "w\($0)", hash: $0 == 2 ? StateHash(high: 0, low: 1) : Conversation.hash(8))
        }
        let halted = ControlMessage.halted(Halted(generation: 1, step: 9, cause: .hashesDiffer(hashes)))
        let actions = conversation.say(0, halted)
        #expect(actions.freezes == [0: 2, 1: 2, 2: 2] && actions.warnings.count == 1)
        // All of them say so.
        #expect(conversation.say(1, halted).isEmpty)
        _ = conversation.frozen(0, 2, 8)
        _ = conversation.frozen(1, 2, 8)
        let roster = conversation.frozen(2, 2, 8, hash: StateHash(high: 0, low: 1)).starts[2]?.roster
        #expect(roster?.holders == ["w0", "w1"] && roster?.distrusted == [ProcessNumber(2)])
        let incident = conversation.linked([0, 1, 2], 2).incidents.first
        #expect(incident?.verdict.worker == "w2" && incident?.verdict.step == 9)
        let damage = Damage(step: 8, tensors: [.init(name: "0.weight", count: 1, firstIndex: 7)])
        #expect(conversation.say(2, .damage(damage)) == [.damage(worker: "w2", damage)])
    }

    @Test func whoJudgedOtherwiseIsDistrusted() {
        func asked(_ values: [UInt64]) -> [CoordinatorAction] {
            var conversation = Conversation.running(3)
            let judgements = values.enumerated().map {
                HaltCause.MemberJudgement(name: "w\($0)", judgement: $1)
            }
            _ = conversation.say(0, .halted(Halted(generation: 1, step: 8, cause: .judgementsDiffer(judgements))))
            // Only this one is left, and what it holds beside the parameters is not what most had.
            for index in 0..<2 {
                _ = conversation.closed(index)
                let number = Int32(100 + index)
                _ = conversation.event(
                    .processEnded(name: "w\(index)", processIdentifier: number, description: "signal 9 (SIGKILL)"))
            }
            return conversation.frozen(2, 2, 8)
        }
        #expect(asked([1, 1, 3]).contains(.offerState))
        #expect(asked([1, 2, 3]).contains(.offerState))
        #expect(asked([3, 1, 1]).starts.count == 1)
    }

    @Test func twoThatDisagreeGoBackToTheSnapshot() {
        var conversation = Conversation.running(2)
        let snapshot = Holding(point: StatePoint(step: 4), hash: Conversation.hash(4), wholeHash: Conversation.hash(4))
        _ = conversation.say(0, .linkDown(LinkDown(generation: 1, peer: "w1", reason: "reset")))
        _ = conversation.frozen(0, 2, 8)
        let asked = conversation.frozen(1, 2, 8, hash: StateHash(high: 0, low: 1))
        #expect(asked.contains(.offerState) && conversation.core.mode == .paused(generation: 2))
        let roster = conversation.event(.stateOffered(snapshot)).starts[0]?.roster
        #expect(roster?.start == snapshot.point && roster?.holders == [] && roster?.distrusted.count == 2)
        #expect(roster?.wholeHash == snapshot.wholeHash)
        // Steps that were reported are not reported again.
        var first = Conversation.running(2)
        _ = first.progress(0, 1, 1...8)
        _ = first.say(0, .linkDown(LinkDown(generation: 1, peer: "w1", reason: "reset")))
        _ = first.frozen(0, 2, 8)
        _ = first.frozen(1, 2, 8, hash: StateHash(high: 0, low: 1))
        // Without a snapshot the run begins again.
        let begins = first.event(.nothingToOffer(reason: "no snapshot was written yet"))
        #expect(begins.starts[0]?.roster.start.step == 0 && begins.starts[0]?.roster.stateHash == first.hash)
        _ = first.linked([0, 1], 2)
        #expect(first.progress(0, 2, 1...8).isEmpty)
        #expect(first.progress(1, 2, 1...9).count == 1)
    }

    @Test func whatOneCannotDoOthersMay() {
        var conversation = Conversation.running(2)
        let cause = HaltCause.other("no memory for 4 GB")
        let actions = conversation.say(1, .halted(Halted(generation: 1, step: 3, cause: cause)))
        #expect(actions.releases == [1: .failed] && actions.freezes == [0: 2])
        _ = conversation.frozen(0, 2, 3)
        #expect(conversation.linked([0], 2).incidents.first?.verdict.cause == "no memory for 4 GB")
        // What nobody can do ends the run.
        let last = conversation.say(0, .halted(Halted(generation: 2, step: 3, cause: cause)))
        #expect(last.verdict?.message == "step 3: no memory for 4 GB")
        var all = Conversation.running(2)
        _ = all.say(1, .halted(Halted(generation: 1, step: 3, cause: cause)))
        #expect(all.say(0, .halted(Halted(generation: 1, step: 3, cause: cause))).verdict != nil)
        // What would come again, whoever computed it, ends it too.
        var certain = Conversation.running(2)
        #expect(
            certain.say(0, .halted(Halted(generation: 1, step: 3, cause: .gradientNotFinite))).verdict?.step == 3)
    }

    // MARK: The end of it

    @Test func tooManyFailuresEndTheRun() {
        var conversation = Conversation.running(3) { $0.maxFailures = 1 }
        _ = conversation.closed(2)
        for index in 0..<2 { _ = conversation.frozen(index, 2, 3) }
        _ = conversation.linked([0, 1], 2)
        _ = conversation.closed(1)
        // Better evidence may still come.
        #expect(conversation.frozen(0, 3, 3).isEmpty)
        _ = conversation.event(.processEnded(name: "w1", processIdentifier: 101, description: "signal 11 (SIGSEGV)"))
        let verdict = conversation.wait().verdict
        #expect(verdict?.worker == "w1" && verdict?.cause == "signal 11 (SIGSEGV)")
        #expect(verdict?.message.hasSuffix("; it was the last of 2 to be lost, and --max-failures allows 1") == true)
    }

    @Test func lanesAreCountedOnceAndByTheirGeneration() {
        var conversation = Conversation.running(3, lanes: 6)
        func report(_ step: UInt32, _ generation: UInt32) -> StepReport {
            var report = Conversation.reports(step...step)[0]
            report.generation = generation
            return report
        }
        func say(_ connection: Int, _ generation: UInt32, _ reports: [StepReport]) {
            _ = conversation.say(
                connection,
                .progress(Progress(generation: generation, step: 9, stage: .update, reports: reports)))
        }
        say(0, 1, [report(1, 1), report(2, 1)])
        _ = conversation.closed(2)
        // Steps of the old generation that are told late, and one that was redone.
        say(1, 1, [report(1, 1), report(2, 1), report(3, 1)])
        for index in 0..<2 { _ = conversation.frozen(index, 2, 3) }
        _ = conversation.linked([0, 1], 2)
        say(0, 2, [report(3, 1), report(4, 2)])
        for index in 0..<2 {
            _ = conversation.say(
                index,
                .done(
                    Done(
                        generation: 2, step: 4, hash: Conversation.hash(4), lanesComputed: 0, gradientBytesSent: 0,
                        evaluation: nil, lastEpoch: [1])))
        }
        _ = conversation.event(.stateCollected(step: 4))
        let result = conversation.event(.snapshotWritten(step: 4, digest: Conversation.digest)).result
        #expect(result?.lanesComputed.map(\.name) == ["w0", "w1", "w2"])
        #expect(result?.lanesComputed.map(\.lanes) == [9, 9, 6])
        #expect(result?.incidents == 1 && result?.generations == 2)
    }

    @Test func aRevokedWorkerIsLost() {
        var conversation = Conversation.running(2)
        _ = conversation.event(.denied(["ab"]))
        let actions = conversation.event(.revoked(ConnectionNumber(101)))
        #expect(actions.warnings == ["worker lost: w1 (its certificate was revoked)"] && actions.freezes == [0: 2])
        #expect(conversation.event(.revoked(ConnectionNumber(9))).isEmpty)
        #expect(conversation.frozen(0, 2, 3).starts[0]?.roster.denied == ["ab"])
    }
}
