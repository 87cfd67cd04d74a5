import LockstepCluster
import LockstepCollectives
import LockstepCore
import Testing

@Suite struct DecisionTests: DecisionScenes {
    /// w0 is alone with what it holds, and out of reach of w1, which holds the step before: of that, both know what it is.
    @Test func aConfirmedStateGoesBeforeALoneVoiceOfTheNextOne() {
        let split = [
            answer("w0", 9, flaw: 1, agreed: 8, outOfReach: ["w1"]), answer("w1", 8, agreed: 7, outOfReach: ["w0"]),
        ]
        #expect(choice(decide(split))?.members == ["w1"] && choice(decide(split))?.start.point == point(8))
        // Where it is further ahead its work is not thrown away, nor that of more workers.
        let ahead = [answer("w0", 10, agreed: 9, outOfReach: ["w1"]), answer("w1", 8, agreed: 7, outOfReach: ["w0"])]
        #expect(choice(decide(ahead))?.members == ["w0"])
        let more = split + [answer("w2", 8, agreed: 7, outOfReach: ["w1"])]
        #expect(choice(decide(more))?.members == ["w0", "w2"] && choice(decide(more))?.start.point == point(8))
        // Two who hold it need no other word.
        let pair = [
            answer("w0", 9, agreed: 8, outOfReach: ["w1", "w3"]), answer("w1", 8, agreed: 7),
            answer("w2", 9, agreed: 8, outOfReach: ["w1", "w3"]), answer("w3", 8, agreed: 7),
        ]
        #expect(choice(decide(pair))?.members == ["w0", "w2"] && choice(decide(pair))?.start.point == point(9))
    }

    // MARK: The hash

    @Test func theMinorityIsDistrustedAndNeverAHolder() {
        let outcome = decide([answer("w0", 9), answer("w1", 9, flaw: 1), answer("w2", 9)])
        let choice = choice(outcome)
        #expect(choice?.members == ["w0", "w1", "w2"] && choice?.holders == ["w0", "w2"])
        #expect(choice?.start.hash == hash(9) && choice?.distrusted == [process("w1")])
    }

    @Test func aTieDistrustsAll() {
        #expect(decide([answer("w0", 9), answer("w1", 9, flaw: 1)]) == .fromSnapshot)
        let snapshot = Holding(point: point(4), hash: hash(4), wholeHash: hash(4))
        let choice = choice(decide([answer("w0", 9), answer("w1", 9, flaw: 1)], fallback: .take(snapshot)))
        #expect(choice?.start == snapshot && choice?.holders == [])
        #expect(choice.map { Set($0.distrusted) } == [process("w0"), process("w1")])
        // What the journal says breaks the tie.
        let voucher = Decision.Voucher(point: point(9), hash: hash(9), source: .roster)
        #expect(
            self.choice(decide([answer("w0", 9), answer("w1", 9, flaw: 1)], vouchers: [voucher]))?.holders == ["w0"])
        // It alone stands against a lone survivor.
        #expect(decide([answer("w1", 9, flaw: 1)], vouchers: [voucher]) == .fromSnapshot)
    }

    @Test func hashesAreJudgedOverAllAnswers() {
        // w0 and w2 cannot reach w1, which is clean too: it is no member, and still has a voice.
        let answers = [
            answer("w0", 9, flaw: 1), answer("w1", 9, outOfReach: ["w0", "w2"]), answer("w2", 8),
            answer("w3", 9, standing: .bystander),
        ]
        #expect(choice(decide(answers))?.distrusted == [process("w0")])
        // The canary: members alone do not see it.
        let wrong = choice(decide(answers) { $0.judgesMembersOnly = true })
        #expect(wrong.map { $0.start.hash != hash($0.start.point.step) } == true)
    }

    @Test func whatWasSeenCounts() {
        var reporter = answer("w0", 9)
        reporter.frozen.seen = Frozen.Disagreement(
            point: point(9),
            voices: [
                .init(name: "w0", process: process("w0"), hash: hash(9)),
                .init(name: "w1", process: process("w1"), hash: hash(9, 1)),
                .init(name: "w2", process: process("w2"), hash: hash(9)),
            ])
        // w2 is gone, and w1 says that it holds the right state now.
        let choice = choice(decide([reporter, answer("w1", 9)]))
        #expect(choice?.holders == ["w0"] && choice?.distrusted == [process("w1")])
    }

    @Test func theWholeHashDecidesAmongThoseWithTheSameParameters() {
        let two = choice(decide([answer("w0", 9), answer("w1", 9, whole: 3), answer("w2", 9)]))
        #expect(two?.holders == ["w0", "w2"] && two?.distrusted == [process("w1")])
        #expect(decide([answer("w0", 9), answer("w1", 9, whole: 3)]) == .fromSnapshot)
        // The roster's own word counts.
        let answers = [answer("w0", 9), answer("w1", 9, whole: 3)]
        #expect(choice(decide(answers, roster: roster(["w0", "w1"], start: 9)))?.holders == ["w0"])
    }

    @Test func distrustOutlivesTheDecision() {
        var answers = [answer("w0", 9), answer("w1", 9)]
        let last = roster(["w0", "w1"], start: 9, distrusted: ["w1"])
        // It has begun the generation in which it had to level, and holds a state: it has levelled.
        #expect(choice(decide(answers, roster: last))?.holders == ["w0", "w1"])
        #expect(choice(decide(answers, roster: last))?.distrusted == [])
        // It has not heard of that generation.
        answers[1].running = 4
        #expect(choice(decide(answers, roster: last))?.holders == ["w0"])
        #expect(choice(decide(answers, roster: last))?.distrusted == [process("w1")])
        // Nor does it count when it is alone.
        #expect(decide([answers[1]], roster: last) == .fromSnapshot)
        // Who is not there now may come back.
        #expect(choice(decide([answers[0]], roster: last))?.distrusted == [process("w1")])
    }

    // MARK: The step

    @Test func aLoneVoucherGoesBackOneStep() {
        let ahead = [answer("w0", 9, agreed: 8), answer("w1", 8), answer("w2", 8)]
        #expect(choice(decide(ahead))?.start.point == point(8) && choice(decide(ahead))?.holders == ["w1", "w2"])
        // Someone else knows what S(9) is.
        let known = [answer("w0", 9), answer("w1", 8), answer("w2", 8)]
        let voucher = Decision.Voucher(point: point(9), hash: hash(9), source: .process(process("w7")))
        #expect(choice(decide(known, vouchers: [voucher]))?.start.point == point(9))
        // Nobody holds the step before.
        #expect(choice(decide([answer("w0", 9), answer("w1", 7)]))?.start.point == point(9))
        #expect(choice(decide([answer("w0", 9)]))?.start.point == point(9))
        // Two stand for it.
        #expect(choice(decide([answer("w0", 9), answer("w1", 9), answer("w2", 8)]))?.start.point == point(9))
    }

    /// Too few are there, and all stand still.
    @Test func whoLeavesHasToStayForTheStateAlone() {
        func needs(
            _ answers: [Decision.Answer], vouchers: [Decision.Voucher] = [], fallback: Decision.Fallback = .ask
        ) -> [String] {
            let decision = Decision(
                answers: answers, lastRoster: roster(["w0", "w1", "w2"]), vouchers: vouchers, reached: 8,
                fallback: fallback, policy: SparePolicy(workers: 3, spares: 0, laneCount: 8), minWorkers: 3)
            return decision.answers.filter { $0.isLeaving && decision.needs($0) }.map(\.name)
        }
        func leaver(_ name: String, _ step: UInt32?, flaw: UInt64 = 0) -> Decision.Answer {
            answer(name, step, flaw: flaw, isLeaving: true)
        }
        #expect(needs([answer("w0", 8), leaver("w1", 8)]).isEmpty)
        #expect(needs([answer("w0", 9), leaver("w1", 8)]).isEmpty)
        #expect(needs([answer("w0", 8), leaver("w1", nil)]).isEmpty)
        #expect(needs([answer("w0", 8), leaver("w1", 9)]) == ["w1"])
        #expect(needs([leaver("w0", 8), leaver("w1", 8)]) == ["w0", "w1"])
        // It has lost.
        #expect(needs([answer("w0", 8), answer("w1", 8), leaver("w2", 8, flaw: 1)]).isEmpty)
        // Nobody knows who is right, and nobody will come who does.
        let divided = [answer("w0", 8), leaver("w1", 8, flaw: 1)]
        #expect(needs(divided).isEmpty && needs(divided, fallback: .wait) == ["w1"])
        var other = leaver("w1", 8)
        other.frozen.holding?.wholeHash = hash(8, 1)
        #expect(needs([answer("w0", 8), other]).isEmpty)
        #expect(needs([answer("w0", 8), other], fallback: .wait) == ["w1"])
        // It has lost, to one who is gone.
        let gone = (5...6).map {
            Decision.Voucher(point: point(8), hash: hash(8, 2), source: .process(process("w\($0)")))
        }
        #expect(needs(divided, vouchers: gone, fallback: .wait).isEmpty)
        // It has won.
        let voucher = Decision.Voucher(point: point(8), hash: hash(8, 1), source: .process(process("w7")))
        #expect(needs(divided, vouchers: [voucher]) == ["w1"])
        // What is newer and distrusted takes nobody's place.
        let disputed = Decision.Voucher(point: point(9), hash: hash(9, 3), source: .process(process("w7")))
        #expect(needs([answer("w0", 9, flaw: 2), leaver("w1", 8)], vouchers: [disputed]) == ["w1"])
    }

    @Test func anUnjudgedStateComesBeforeTheSameOneJudged() {
        var unjudged = answer("w1", 9)
        unjudged.frozen.holding?.point = StatePoint(step: 9, isJudged: false)
        // A judgement may restore another state, so the hashes of the two are not compared.
        unjudged.frozen.holding?.hash = hash(9, 5)
        let choice = choice(decide([answer("w0", 9), unjudged]))
        #expect(choice?.start.point == point(9) && choice?.holders == ["w0"] && choice?.distrusted == [])
    }

    @Test func anOldStateIsTakenOnlyWhereThereIsNoOther() {
        let joiner = answer("w1", 0, standing: .joiner)
        #expect(decide([joiner], roster: roster(["w0"]), reached: 40) == .fromSnapshot)
        #expect(decide([joiner], roster: roster(["w0"]), reached: 40, fallback: .wait) == .waitForHolder)
        let snapshot = Holding(point: point(30), hash: hash(30), wholeHash: hash(30))
        let choice = choice(decide([joiner], roster: roster(["w0"]), reached: 40, fallback: .take(snapshot)))
        #expect(choice?.start == snapshot && choice?.holders == [] && choice?.members == ["w1"])
        // What someone holds is newer than the snapshot.
        let newer = decide([answer("w0", 35), joiner], reached: 40, fallback: .take(snapshot))
        #expect(self.choice(newer)?.start.point == point(35) && self.choice(newer)?.holders == ["w0"])
    }

    // MARK: The members

    @Test func whoLeavesStaysWhereOnlyItHoldsTheState() {
        let both = [answer("w0", 9, isLeaving: true), answer("w1", 9)]
        #expect(choice(decide(both))?.members == ["w1"])
        let only = [answer("w0", 9, isLeaving: true), answer("w1", 0, standing: .joiner)]
        #expect(choice(decide(only, reached: 9))?.members == ["w0", "w1"])
        #expect(choice(decide(only, reached: 9))?.holders == ["w0"])
        #expect(choice(decide([answer("w0", 9, isLeaving: true)], reached: 9))?.members == ["w0"])
    }

    /// Were it kept out, it would be kept back for what it holds, and all would wait.
    @Test func whoLeavesHandsOverWhereTooFewStay() {
        let ahead = [answer("w0", 9, isLeaving: true), answer("w1", 8)]
        let together = choice(decide(ahead, reached: 8, minWorkers: 2))
        #expect(together?.members == ["w0", "w1"] && together?.holders == ["w0"])
        #expect(choice(decide(ahead, reached: 8))?.members == ["w1"])
        // With nothing to hand over it goes, and there are too few; so there are without it.
        let level = [answer("w0", 9, isLeaving: true), answer("w1", 9)]
        #expect(decide(level, reached: 8, minWorkers: 2) == .tooFew(1))
        #expect(decide(ahead, reached: 8, minWorkers: 3) == .tooFew(1))
    }

    @Test func aReturnedProcessEvictsNobody() {
        // It has the older state, and an old roster's idea of who can be reached.
        var stale = answer("w1", 7, standing: .joiner, outOfReach: ["w0"])
        #expect(choice(decide([answer("w0", 9), stale], roster: roster(["w0"]), reached: 8))?.members == ["w0", "w1"])
        // Even where its word counts.
        stale.running = 5
        let choice = choice(decide([answer("w0", 9), stale], roster: roster(["w0"]), reached: 8))
        #expect(choice?.members == ["w0"] && choice?.unreachable == ["w1"])
    }

    @Test func aNameMayBeAnotherProcessByNow() {
        // w1 of the last roster is dead; another process has its name.
        var replacement = answer("w1", 0, standing: .joiner)
        replacement.process = ProcessNumber(99)
        let answers = [answer("w0", 9, outOfReach: ["w1"]), replacement]
        #expect(choice(decide(answers, roster: roster(["w0", "w1"])))?.members == ["w0", "w1"])
    }

    @Test func whoCannotReachItselfIsAMemberAllTheSame() {
        #expect(choice(decide([answer("w0", 9, outOfReach: ["w0", "w1"]), answer("w1", 8)]))?.members == ["w0"])
    }

    @Test func manyBrokenPairsTakeNoTimeToSpeakOf() {
        let names = (0..<64).map { "w\($0)" }
        let answers = names.enumerated().map { index, name in
            answer(name, 9, outOfReach: names.enumerated().filter { ($0.offset * 7 + index) % 5 == 0 }.map(\.element))
        }
        #expect(choice(decide(answers, laneCount: 64)) != nil)
        // Two halves that do not see each other.
        let halves = names.enumerated().map { index, name in
            answer(name, index == 63 ? 9 : 8, outOfReach: index < 30 ? Array(names[30...]) : [])
        }
        #expect(choice(decide(halves, laneCount: 64))?.members.count == 34)
    }

    @Test func thereAreAsManyAsLanes() {
        let answers = (0..<6).map { index in
            answer("w\(index)", index == 5 ? 9 : 0, standing: .joiner, seniority: UInt32.max)
        }
        let choice = choice(decide(answers, roster: roster(["x"]), reached: 9, laneCount: 3))
        #expect(choice?.members.count == 3 && choice?.holders == ["w5"])
        #expect(decide([answer("w0", 9)], minWorkers: 2) == .tooFew(1))
        #expect(decide([answer("w0", 9, standing: .bystander)], minWorkers: 1) == .tooFew(0))
        #expect(decide([]) == .tooFew(0))
    }
}
