import LockstepCluster
import LockstepCore
import Testing

/// Who comes in, who waits, and who is kept as a spare.
@Suite struct DecisionJoinerTests: DecisionScenes {
    @Test func whoWouldHaveToCopyTheStateWaits() {
        let members = [answer("w0", 9), answer("w1", 9)]
        func names(_ joiner: Decision.Answer, minWorkers: Int = 1, admitsAll: Bool = false) -> [String]? {
            choice(decide(members + [joiner], reached: 8, minWorkers: minWorkers, admitsAll: admitsAll))?.members
        }
        #expect(names(joiner("w2", 9, source: "w0")) == ["w0", "w1", "w2"])
        for behind in [joiner("w2", 8), joiner("w2", nil), joiner("w2", 9, flaw: 1)] {
            #expect(names(behind) == ["w0", "w1"])
            // Unless nobody could feed it, too few are there, or the run had not been working.
            var admitted = behind
            admitted.isAdmitted = true
            #expect(names(admitted) == ["w0", "w1", "w2"])
            #expect(names(behind, minWorkers: 3) == ["w0", "w1", "w2"])
            #expect(names(behind, admitsAll: true) == ["w0", "w1", "w2"])
        }
        // Nobody else is left.
        let only = [joiner("w2", 9), joiner("w3", 4)]
        #expect(choice(decide(only, roster: roster(["w0"]), reached: 9, admitsAll: false))?.members == ["w2", "w3"])
        // One that a member cannot be reached from.
        #expect(names(joiner("w2", 9, unreachable: ["w1"])) == ["w0", "w1"])
        #expect(names(joiner("w2", 9, unreachable: ["w7"])) == ["w0", "w1", "w2"])
    }

    @Test func sparesAreKept() {
        func names(_ answers: [Decision.Answer], silent: Int = 0, lanes: Int = 8) -> [String]? {
            var decision = Decision(
                answers: answers, lastRoster: roster(["w0", "w1", "w2"]), reached: 8, fallback: .ask,
                policy: SparePolicy(workers: 3, spares: 1, laneCount: lanes))
            decision.silentObservers = silent
            return choice(decision.outcome)?.members
        }
        let members = [answer("w0", 9), answer("w1", 9), answer("w2", 9)]
        let spares = [joiner("w3", 9), joiner("w4", 9), joiner("w5", 8)]
        #expect(names(members + spares.prefix(1)) == ["w0", "w1", "w2"])
        #expect(names(members + spares.prefix(2)) == ["w0", "w1", "w2", "w3"])
        #expect(names(members + spares.prefix(1), silent: 1) == ["w0", "w1", "w2", "w3"])
        #expect(names(members + spares.prefix(2), lanes: 3) == ["w0", "w1", "w2"])
        // A lost member's place is taken, by one that holds the state.
        #expect(names(Array(members.prefix(2)) + spares.suffix(2)) == ["w0", "w1", "w4"])
        #expect(names(Array(members.prefix(2)) + spares.suffix(1)) == ["w0", "w1"])
        // Members stay members, however few spares are left.
        #expect(names(members + [answer("w6", 9)]) == ["w0", "w1", "w2", "w6"])
    }

    @Test func theOnlyHolderIsNoSpare() {
        // Members lag behind what the run has come to, and one that only observed does not.
        let answers = [answer("w0", 7), answer("w1", 7), joiner("w2", 9, source: "w9")]
        let choice = choice(decide(answers, reached: 8, workers: 2, spares: 1, admitsAll: false))
        #expect(choice?.members == ["w0", "w1", "w2"] && choice?.holders == ["w2"])
        // As many as lanes.
        let full = self.choice(decide(answers, reached: 8, laneCount: 2, workers: 2, spares: 1, admitsAll: false))
        #expect(full?.members == ["w0", "w2"] && full?.holders == ["w2"])
    }

    @Test func aCopySaysNoMoreThanItsSource() {
        // The source is damaged, and so is all that it feeds.
        let two = [joiner("w3", 9, flaw: 1, source: "w0"), joiner("w4", 9, flaw: 1, source: "w0")]
        let answers = [answer("w0", 9, flaw: 1), answer("w1", 9), answer("w2", 9)] + two
        let choice = choice(decide(answers, admitsAll: false))
        #expect(choice?.start.hash == hash(9) && choice?.holders == ["w1", "w2"])
        #expect(choice.map { Set($0.distrusted) } == [process("w0"), process("w3"), process("w4")])
        // The canary: with voices of their own they would win.
        let loud = answers.map { answer in
            var answer = answer
            answer.frozen.source = nil
            return answer
        }
        #expect(self.choice(decide(loud, admitsAll: false))?.start.hash == hash(9, 1))
        // The same of what only the whole hash shows.
        let whole = [answer("w0", 9, whole: 3), answer("w1", 9), answer("w2", 9)]
        var copies = ["w3", "w4"].map { answer($0, 9, whole: 3, standing: .joiner) }
        for index in copies.indices { copies[index].frozen.source = process("w0") }
        #expect(self.choice(decide(whole + copies, admitsAll: false))?.holders == ["w1", "w2"])
    }

    @Test func aCopyMadeSinceEndsDistrust() {
        let last = roster(["w0", "w1"], start: 7, distrusted: ["w2"])
        let members = [answer("w0", 9), answer("w1", 9)]
        #expect(choice(decide(members + [joiner("w2", 9)], roster: last, admitsAll: false))?.members.count == 3)
        // What was copied before that is what is distrusted, and so is what goes back to no copy.
        for copied in [4, nil] as [UInt32?] {
            let old = decide(members + [joiner("w2", 9, copied: copied)], roster: last, admitsAll: false)
            #expect(choice(old)?.members.count == 2 && choice(old)?.distrusted == [process("w2")])
        }
    }
}
