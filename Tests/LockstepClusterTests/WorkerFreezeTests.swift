import LockstepCluster
import LockstepCollectives
import LockstepCore
import Testing

/// FREEZE, PLAN and FROZEN.
@Suite struct WorkerFreezeTests {
    private let first = Turn(.train, step: 1)

    private func frozen(
        _ generation: UInt32, step: UInt32 = 0, agreed: UInt32? = nil, outOfReach: [String] = []
    ) -> Frozen {
        Frozen(
            generation: generation, holding: TestWorker.held(step).holding,
            agreed: agreed.map { Frozen.Agreement(point: StatePoint(step: $0), hash: TestWorker.hash) },
            outOfReach: outOfReach)
    }

    // MARK: Unplanned

    @Test func aFreezeIsPromisedOnceAndItsAnswerRepeated() {
        var worker = TestWorker.prepared()
        #expect(worker.freeze(5) == [.hashState])
        // The answer comes by itself.
        #expect(worker.freeze(5).isEmpty)
        let answer = worker.event(.stateHashed(TestWorker.hash, whole: TestWorker.hash))
        #expect(answer == [worker.sent(.frozen(frozen(5)))])
        #expect(worker.freeze(5) == answer)
        #expect(worker.freeze(4).isEmpty)
        #expect(worker.core.promised == 5 && worker.core.running == 0)
        // A later one is hashed afresh.
        #expect(worker.standStill(worker.freeze(6)) == frozen(6))
    }

    @Test func aFreezeOfTheRunningGenerationIsIgnored() {
        var worker = TestWorker.running()
        #expect(worker.freeze(1).isEmpty && worker.freeze(0).isEmpty)
        #expect(worker.core.state == .computing(first))
    }

    @Test func aPartialTurnIsDropped() throws {
        for isExchanging in [false, true] {
            var worker = TestWorker.running()
            if isExchanging { _ = worker.event(.computed(first)) }
            #expect(worker.freeze(2) == [.park])
            #expect(worker.core.stage == .freezing)
            // It may come to its end until it is dropped; that counts for nothing.
            #expect(worker.event(.computed(first)).isEmpty)
            #expect(worker.event(TestWorker.finished(first, try TestWorker.summary())).isEmpty)
            #expect(worker.event(.linked(peer: "w0", generation: 1)).isEmpty)
            #expect(worker.event(.parked(waitingFor: [])) == [.hashState])
            #expect(worker.standStill([.hashState]) == frozen(2))
            #expect(worker.core.step == 0 && worker.core.state == .frozen)
        }
    }

    @Test func anUpdateRunsToItsEnd() throws {
        var worker = TestWorker.running()
        _ = worker.finish(first, try TestWorker.summary())
        #expect(worker.freeze(2).isEmpty && worker.core.state == .updating(first))
        let actions = worker.event(.updated(TestWorker.report(1)))
        // What it has done is said before it stands still.
        #expect(actions.reported == [1] && actions.deeds == [.park])
        #expect(worker.standStill(actions) == frozen(2, step: 1, agreed: 0))
        #expect(worker.core.step == 1)
    }

    @Test func whileItPreparesThePromiseIsKeptAndAnsweredLater() {
        var worker = TestWorker()
        _ = worker.say(TestWorker.welcome())
        #expect(worker.freeze(3).isEmpty && worker.core.promised == 3)
        let actions = worker.event(.prepared(TestWorker.preparation()))
        #expect(actions.messages.map(\.type) == ["prepared"] && actions.deeds == [.hashState])
        #expect(worker.standStill(actions) == frozen(3))
        #expect(worker.start(TestWorker.roster(2)).isEmpty)
        #expect(worker.start(TestWorker.roster(3)).deeds.count == 2)
    }

    @Test func aNewerFreezeOvertakesAnOlderOne() {
        var worker = TestWorker.running()
        _ = worker.freeze(2)
        #expect(worker.freeze(3).isEmpty)
        #expect(worker.standStill([.park]) == frozen(3))
        #expect(worker.freeze(2).isEmpty)
    }

    @Test func everyStateOfAGenerationStandsStill() throws {
        var workers: [(String, TestWorker)] = []
        var worker = TestWorker.prepared()
        _ = worker.say(.start(TestWorker.start(TestWorker.roster(1))))
        workers.append(("linking", worker))
        worker = TestWorker.prepared()
        _ = worker.start(TestWorker.roster(1, holders: ["w0"]))
        workers.append(("levelling", worker))
        worker = TestWorker.running()
        _ = worker.event(.failed(reason: "x"))
        workers.append(("halted", worker))
        worker = TestWorker.running(TestWorker.preparation(lastStep: 1))
        _ = try worker.step(1)
        _ = worker.finish(Turn(.closing, step: 1), try TestWorker.summary())
        workers.append(("done", worker))
        for (name, worker) in workers {
            #expect("\(worker.core.state)".hasPrefix(name))
            var worker = worker
            let actions = worker.freeze(9)
            #expect(actions.deeds == [.park], "\(name)")
            let frozen = worker.standStill(actions)
            #expect(frozen?.generation == 9 && frozen?.holding?.point.step == worker.core.step, "\(name)")
            // Where it goes from here is a START.
            #expect(
                worker.start(TestWorker.roster(9, start: worker.core.point)).deeds.first
                    == .link(TestWorker.start(TestWorker.roster(9, start: worker.core.point))), "\(name)")
        }
    }

    // MARK: Who can be reached

    @Test func lostLinksAreDialledOnceMore() {
        var worker = TestWorker.running(members: 4)
        _ = worker.event(.linkLost(peer: "w3", generation: 1, reason: "reset"))
        let members = TestWorker.roster(1, members: 4).members
        #expect(worker.say(.freeze(Freeze(generation: 2, reachLimit: 77))) == [.park])
        // The turn waited for w0, too: a link that swallows everything.
        #expect(
            worker.event(.parked(waitingFor: ["w0", "w1", "w7"])) == [.reach([members[0], members[3]], limit: 77)])
        #expect(worker.core.state == .reaching)
        #expect(worker.event(.reached(outOfReach: ["w0", "w2"])) == [.hashState])
        // Who was not asked for does not count.
        #expect(worker.standStill([.hashState]) == frozen(2, outOfReach: ["w0"]))
        // It is asked for again: the last answer is of the past.
        let again = worker.freeze(3)
        #expect(again.count == 1 && worker.core.state == .reaching)
        #expect(worker.standStill(again) == frozen(3))
        // In the next generation its links are new.
        _ = worker.start(TestWorker.roster(4, members: 4))
        #expect(worker.standStill(worker.freeze(5), outOfReach: ["w0", "w3"]) == frozen(5))
    }

    @Test func linksThatWereNeverMadeAreDialledOnceMore() {
        var worker = TestWorker.prepared()
        _ = worker.say(.start(TestWorker.start(TestWorker.roster(1))))
        _ = worker.event(.linked(peer: "w0", generation: 1))
        _ = worker.freeze(2)
        #expect(
            worker.event(.parked(waitingFor: [])) == [
                .reach([TestWorker.roster(1).members[2]], limit: Freeze(generation: 0).reachLimit)
            ])
        // No link is missed any more.
        worker.now = 20_000_000_000
        #expect(worker.core.nextDeadline == 30_000_000_000)
    }

    // MARK: Planned

    @Test func aPlannedFreezeComesAfterTheStepInWhichAllAskForIt() throws {
        var worker = TestWorker.running()
        _ = worker.say(.plan(PlannedChange(generation: 7)))
        #expect(worker.event(.computed(first)) == [.record(first, askedGeneration: 7)])
        // Heard too late for this record: the same number to all.
        _ = worker.say(.plan(PlannedChange(generation: 9)))
        let summary = try TestWorker.summary(asked: 8)
        #expect(worker.event(TestWorker.finished(first, summary)) == [.apply(first, summary)])
        let actions = worker.event(.updated(TestWorker.report(1)))
        // Links stay open: what others still lack of this step goes out.
        #expect(actions.reported == [1] && actions.deeds == [.hashState])
        #expect(worker.core.promised == 8)
        #expect(worker.standStill(actions) == frozen(8, step: 1, agreed: 0))
        // Its links are not its concern any more, but if it must be asked once more they are dialled.
        #expect(worker.event(.linkLost(peer: "w2", generation: 1, reason: "reset")).isEmpty)
        #expect(worker.freeze(9) == [.park])
        #expect(worker.standStill([.park], outOfReach: ["w2"]) == frozen(9, step: 1, agreed: 0, outOfReach: ["w2"]))
        // The canary of the simulation: this one would keep the rest of the step to itself.
        var wrong = TestWorker.running()
        wrong.core.rules.dropsQueuedFrames = true
        _ = wrong.finish(first, summary)
        #expect(wrong.event(.updated(TestWorker.report(1))).deeds == [.park])
    }

    /// A plan must not answer for another freeze: each number has one answer.
    @Test func aFreezeGoesBeforeAPlan() throws {
        var worker = TestWorker.running()
        _ = worker.finish(first, try TestWorker.summary(asked: 8))
        _ = worker.freeze(6)
        #expect(worker.standStill(worker.event(.updated(TestWorker.report(1))))?.generation == 6)
    }

    // MARK: What is held

    @Test func aStateThatChangedSinceItsRecordIsNone() {
        var worker = TestWorker.running()
        _ = worker.event(.computed(first))
        _ = worker.event(.recorded(first, TestWorker.hash))
        let other = StateHash(high: 0, low: 2)
        let frozen = worker.standStill(worker.freeze(2), hash: other)
        #expect(frozen?.generation == 2 && frozen?.holding == nil)
        // Nor is it later, until another one has taken its place.
        #expect(worker.standStill(worker.freeze(3), hash: other)?.holding == nil)
        #expect(worker.start(TestWorker.roster(4)).halted != nil)
        #expect(worker.standStill(worker.freeze(5), hash: other)?.holding == nil)
        _ = worker.start(TestWorker.roster(6, hash: other, holders: ["w0"]))
        _ = worker.event(.levelled(TestWorker.held(hash: other)))
        #expect(worker.standStill(worker.freeze(7), hash: other)?.holding?.hash == other)
        // The canary: a record that was not hashed says nothing.
        var silent = TestWorker.running()
        _ = silent.event(.computed(first))
        _ = silent.event(.recorded(first, nil))
        #expect(silent.standStill(silent.freeze(2), hash: other)?.holding?.hash == other)
        // And what was said of S(0) says nothing about S(1).
        var ahead = TestWorker.running()
        _ = try? ahead.step(1)
        #expect(ahead.standStill(ahead.freeze(2), hash: other)?.holding?.hash == other)
    }

    @Test func whoSawHashesDifferTellsWhichTheyWere() throws {
        var worker = TestWorker.running()
        _ = try worker.step(1)
        let second = Turn(.train, step: 2)
        _ = worker.finish(second, try TestWorker.summary(hashes: [1, 2, 1]))
        let frozen = worker.standStill(worker.freeze(2))
        let voices = [1, 2, 1].enumerated().map {
            Frozen.Disagreement.Voice(
                name: "w\($0)", process: ProcessNumber(UInt64($0) + 10), hash: StateHash(high: 0, low: $1))
        }
        #expect(frozen?.seen == Frozen.Disagreement(point: StatePoint(step: 1), voices: voices))
        #expect(frozen?.agreed == Frozen.Agreement(point: StatePoint(step: 0), hash: TestWorker.hash))
        #expect(frozen?.holding?.point == StatePoint(step: 1))
        // Of the running generation only.
        _ = worker.start(TestWorker.roster(3, start: StatePoint(step: 1)))
        #expect(worker.standStill(worker.freeze(4))?.seen == nil)
    }

    @Test func aDistrustedStateIsNoneUntilAnotherHasTakenItsPlace() {
        var worker = TestWorker.prepared()
        let roster = TestWorker.roster(1, holders: ["w0"], distrusted: [ProcessNumber(11)])
        #expect(worker.start(roster).last == .level(roster))
        #expect(worker.standStill(worker.freeze(2))?.holding == nil)
        // A later roster need not say so again.
        _ = worker.start(TestWorker.roster(3, holders: ["w0"]))
        #expect(worker.standStill(worker.freeze(4))?.holding == nil)
        _ = worker.start(TestWorker.roster(5, holders: ["w0"]))
        _ = worker.event(.levelled(TestWorker.held()))
        #expect(worker.standStill(worker.freeze(6))?.holding == TestWorker.held().holding)
    }
}
