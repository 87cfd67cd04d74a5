import LockstepCluster
import LockstepCollectives
import LockstepCore
import Testing

/// A generation starts from a state that not all members hold.
@Suite struct WorkerLevellingTests {
    private let other = StateHash(high: 0, low: 9)

    @Test func whoHoldsTheStateServesThoseWhoDoNot() {
        var worker = TestWorker.prepared()
        let roster = TestWorker.roster(1, holders: ["w0", "w1"])
        let begin = WorkerAction.begin(Turn(.train, step: 1))
        #expect(worker.start(roster).deeds == [.link(TestWorker.start(roster)), .serve(roster), begin])
        var alike = TestWorker.prepared()
        #expect(alike.start(TestWorker.roster(1)).deeds.last == begin)
        #expect(alike.core.state == .computing(Turn(.train, step: 1)))
    }

    @Test func whoIsNoHolderLevelsWhateverItHas() {
        // Behind, ahead, at another state, at the same one.
        for (state, start) in [(0, 2), (3, 2), (2, 2)] as [(UInt32, UInt32)] {
            for hash in [TestWorker.hash, other] {
                var worker = TestWorker.prepared(TestWorker.preparation(TestWorker.held(state, hash: hash)))
                let roster = TestWorker.roster(1, start: StatePoint(step: start), holders: ["w0"])
                let actions = worker.start(roster)
                #expect(actions.deeds == [.link(TestWorker.start(roster)), .level(roster)])
                #expect(worker.core.state == .levelling && worker.core.stage == .levelling)
                #expect(worker.core.step == state)
                let held = TestWorker.held(start)
                #expect(worker.event(.levelled(held)) == [.begin(Turn(.train, step: start + 1))])
                #expect(worker.core.step == start)
                #expect(worker.event(.levelled(held)).isEmpty)
            }
        }
    }

    @Test func withoutAHolderAllCopy() {
        var worker = TestWorker.prepared()
        let roster = TestWorker.roster(1, holders: [])
        #expect(worker.start(roster).last == .level(roster))
    }

    @Test func whoIsSaidToHoldWhatItDoesNotSaysSo() {
        let judged = StatePoint(step: 0)
        for roster in [
            TestWorker.roster(1, hash: other), TestWorker.roster(1, wholeHash: other),
            TestWorker.roster(1, start: StatePoint(step: 1)),
            TestWorker.roster(1, start: judged, distrusted: [ProcessNumber(11)]),
        ] {
            var worker = TestWorker.prepared()
            let actions = worker.start(roster)
            #expect(actions.deeds.isEmpty && worker.core.state == .halted)
            #expect(
                actions.halted?.cause == .other("w1 does not hold the state that the generation starts from"))
        }
        // The canary: the same with the right hashes goes on.
        var worker = TestWorker.prepared()
        #expect(worker.start(TestWorker.roster(1, wholeHash: TestWorker.hash)).halted == nil)
    }

    @Test func anotherStateThanTheRostersIsNotStartedFrom() {
        for held in [TestWorker.held(hash: other), TestWorker.held(1), TestWorker.held(wholeHash: other)] {
            var worker = TestWorker.prepared()
            _ = worker.start(TestWorker.roster(1, wholeHash: TestWorker.hash, holders: ["w0"]))
            #expect(worker.event(.levelled(held)).halted != nil && worker.core.state == .halted)
        }
    }

    @Test func aSourceThatFailsIsReported() {
        var worker = TestWorker.prepared()
        _ = worker.start(TestWorker.roster(1, holders: ["w0"]))
        var alone = worker
        let down = LinkDown(generation: 1, peer: "w0", reason: "another hash")
        let actions = worker.event(.levellingFailed(peer: "w0", reason: "another hash"))
        #expect(actions.first == worker.sent(.linkDown(down)) && worker.core.state == .levelling)
        // Its old state is still there.
        #expect(worker.standStill(worker.freeze(2), outOfReach: [])?.holding == TestWorker.held().holding)
        let halted = alone.event(.levellingFailed(peer: nil, reason: "no snapshot came")).halted
        #expect(halted?.cause == .other("no snapshot came"))
    }

    @Test func aFreezeDropsTheCopyUnlessItIsThere() {
        var worker = TestWorker.prepared()
        _ = worker.start(TestWorker.roster(1, start: StatePoint(step: 2), holders: ["w0"]))
        #expect(worker.freeze(2) == [.park])
        var early = worker
        #expect(worker.standStill([.park])?.holding?.point.step == 0)
        #expect(worker.event(.levelled(TestWorker.held(2))).isEmpty && worker.core.step == 0)
        #expect(early.event(.levelled(TestWorker.held(2))).isEmpty)
        #expect(early.standStill([.park])?.holding?.point.step == 2)
    }

    @Test func whatCameWithTheStateCounts() throws {
        var held = TestWorker.held(2)
        held.epoch = 1
        held.epochSums = [5, 6]
        held.epochSampleSum = 40
        var worker = TestWorker.prepared()
        _ = worker.start(TestWorker.roster(1, start: StatePoint(step: 2), holders: ["w0"]))
        _ = worker.event(.levelled(held))
        worker.now = 1_000_000_000
        let summary = try TestWorker.summary(samples: [1, 1, 0])
        let actions =
            worker.finish(Turn(.train, step: 3), summary) + worker.event(.updated(TestWorker.report(3)))
        #expect(actions.progress.last?.reports.map(\.epochSampleSum) == [42])
        #expect(worker.core.lastEpoch == [8, 12])
        // A state that was stopped early has only the end left.
        held.isStopped = true
        held.isBest = true
        var stopped = TestWorker.prepared()
        _ = stopped.start(TestWorker.roster(1, start: StatePoint(step: 2), holders: ["w0"]))
        let closing = Turn(.closing, step: 2)
        #expect(stopped.event(.levelled(held)) == [.begin(closing), .record(closing, askedGeneration: 0)])
        #expect(stopped.core.schedule?.isStopped == true)
        #expect(stopped.finish(closing, try TestWorker.summary()).done?.isBest == true)
    }

    @Test func aDamagedStateIsDescribed() {
        var worker = TestWorker.prepared()
        let damage = Damage(step: 2, tensors: [.init(name: "0.weight", count: 1, firstIndex: 7)])
        #expect(worker.event(.damaged(damage)) == [worker.sent(.damage(damage))])
    }

    /// A holder serves before anything else of the generation, a member that lacks the state begins nothing before it has it.
    @Test func aLoneWorkerServesNobody() {
        var worker = TestWorker.prepared()
        let member = Roster.Member(name: "w1", process: ProcessNumber(11), host: "h", ports: [1], lanes: 0..<1)
        let roster = Roster(
            generation: 1, members: [member], start: StatePoint(step: 0), stateHash: TestWorker.hash,
            exchange: ExchangeSettings())
        #expect(
            worker.say(.start(TestWorker.start(roster))).deeds == [
                .link(TestWorker.start(roster)), .begin(Turn(.train, step: 1)),
            ])
    }
}
