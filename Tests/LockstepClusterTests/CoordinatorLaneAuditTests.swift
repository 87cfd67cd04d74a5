import LockstepCore
import Testing

@testable import LockstepCluster

/// What the coordinator makes of lanes that were computed differently.
@Suite struct CoordinatorLaneAuditTests {
    private func halted(_ generation: UInt32, _ voices: [(Int, UInt64)], step: UInt32 = 14) -> ControlMessage {
        .halted(
            Halted(
                generation: generation, step: step,
                cause: .auditDiffers(
                    LaneDifference(
                        lane: 5, voices: voices.map { LaneDifference.Voice(name: "w\($0)", hash: $1) }))))
    }

    private func running(_ workers: Int, _ change: (inout CoordinatorConfiguration) -> Void = { _ in }) -> Conversation
    {
        Conversation.running(workers) {
            $0.auditEverySteps = 2
            change(&$0)
        }
    }

    @Test func theRosterSaysHowOften() {
        #expect(running(2).core.roster?.auditEverySteps == 2)
        #expect(Conversation.running(2).core.roster?.auditEverySteps == 0)
    }

    /// Two against one: who computed otherwise than most did goes, in the very next roster; its state counts on.
    @Test(arguments: [(0, ["w1", "w2"]), (1, ["w0", "w2"]), (2, ["w0", "w1"])])
    func theMinorityIsExpelled(_ wrong: Int, _ others: [String]) {
        var conversation = running(3)
        _ = conversation.progress(0, 1, 1...13)
        let hashes = (0..<3).map { UInt64($0 == wrong ? 7 : 8) }
        // w0 owns the lane, w1 is the auditor; where they agree nobody halts, so w2 is wrong only beside another one.
        let voices = [(0, wrong == 2 ? 9 : hashes[0]), (1, hashes[1])]
        let said = conversation.say(0, halted(1, voices))
        #expect(said.freezes.isEmpty && said.warnings.count == 1)
        #expect(conversation.say(1, halted(1, voices)).isEmpty)
        let all = conversation.say(2, halted(1, voices + [(2, hashes[2])]))
        #expect(all.freezes == [0: 2, 1: 2, 2: 2])
        _ = conversation.frozen(0, 2, 13)
        _ = conversation.frozen(1, 2, 13)
        let decided = conversation.frozen(2, 2, 13)
        guard wrong < 2 else {
            // Three voices, three hashes: nobody is named.
            #expect(decided.starts.keys.sorted() == [0, 1, 2] && decided.releases.isEmpty)
            return
        }
        #expect(decided.releases == [wrong: .failed] && decided.closes.contains(wrong))
        #expect(conversation.core.roster?.members.map(\.name) == others)
        #expect(decided.starts[2]?.roster.start.step == 13 && decided.starts[2]?.roster.distrusted == [])
        let connections = [0, 1, 2].filter { $0 != wrong }
        let incidents = conversation.linked(connections, 2).incidents
        #expect(incidents.map(\.verdict.worker) == ["w\(wrong)"] && incidents.first?.verdict.lane == 5)
        #expect(incidents.first?.message.hasPrefix("worker w\(wrong) computed lane 5 of step 14 otherwise") == true)
    }

    @Test func severalThatAreOutvotedGoTogether() {
        var conversation = running(5)
        _ = conversation.progress(0, 1, 1...13)
        let voices: [(Int, UInt64)] = [(0, 1), (1, 2)]
        _ = conversation.say(0, halted(1, voices))
        _ = conversation.say(1, halted(1, voices))
        for (index, hash) in [(2, 2), (3, 3), (4, 2)] as [(Int, UInt64)] {
            _ = conversation.say(index, halted(1, voices + [(index, hash)]))
        }
        for index in 0..<4 { #expect(conversation.frozen(index, 2, 13).starts.isEmpty) }
        let decided = conversation.frozen(4, 2, 13)
        #expect(decided.releases == [0: .failed, 3: .failed])
        #expect(conversation.core.roster?.generation == 2)
        #expect(conversation.core.roster?.members.map(\.name) == ["w1", "w2", "w4"])
    }

    /// One against one: the step is done again by both. The third time in a row the run ends.
    @Test(arguments: [1, 2]) func aTieRedoesTheStepTwice(_ workers: Int) {
        var conversation = running(workers)
        _ = conversation.progress(0, 1, 1...13)
        let all = Array(0..<workers)
        let voices: [(Int, UInt64)] = [(0, 1), (workers - 1, 2)]
        for generation in 1...2 as ClosedRange<UInt32> {
            for index in all { _ = conversation.say(index, halted(generation, voices)) }
            #expect(conversation.core.mode == .freezing(generation: generation + 1))
            let decided = all.flatMap { conversation.frozen($0, generation + 1, 13) }
            #expect(decided.starts.keys.sorted() == all && decided.releases.isEmpty)
            #expect(decided.starts[0]?.roster.start.step == 13)
            #expect(conversation.linked(all, generation + 1).incidents.count == 1)
        }
        for index in all { _ = conversation.say(index, halted(3, voices)) }
        let verdict = all.flatMap { conversation.frozen($0, 4, 13) }.verdict
        #expect(verdict?.step == 14 && verdict?.lane == 5 && verdict?.worker == (workers == 1 ? "w0" : nil))
        #expect(verdict?.message.contains("it came 3 times in a row") == true)
    }

    /// A step that was done in between begins the count anew.
    @Test func tiesCountInARowOnly() {
        var conversation = running(2)
        _ = conversation.progress(0, 1, 1...13)
        for generation in 1...6 as ClosedRange<UInt32> {
            let step = 13 + generation
            for index in 0..<2 { _ = conversation.say(index, halted(generation, [(0, 1), (1, 2)], step: step)) }
            let decided = (0..<2).flatMap { conversation.frozen($0, generation + 1, step - 1) }
            #expect(decided.starts.count == 2 && decided.verdict == nil)
            _ = conversation.linked([0, 1], generation + 1)
            _ = conversation.progress(0, generation + 1, step...step)
        }
    }

    /// Who is lost while it computes the lane has no voice; what others know is judged without it.
    @Test func aLostVoiceIsNotWaitedFor() {
        var conversation = running(3)
        _ = conversation.progress(0, 1, 1...13)
        _ = conversation.say(0, halted(1, [(0, 1), (1, 2)]))
        #expect(conversation.closed(2).freezes == [0: 2, 1: 2])
        _ = conversation.say(1, halted(1, [(0, 1), (1, 2)]))
        _ = conversation.frozen(0, 2, 13)
        let decided = conversation.frozen(1, 2, 13)
        #expect(decided.starts.keys.sorted() == [0, 1])
        // One verdict, and the difference comes before the lost worker.
        let incidents = conversation.linked([0, 1], 2).incidents
        #expect(incidents.count == 1 && incidents.first?.verdict.lane == 5)
    }

    /// A member that finds a difference before the last one is linked begins the next incident; the one before says nothing of it.
    @Test func aDifferenceBeforeAllAreLinkedIsNotForgotten() {
        var conversation = running(2)
        _ = conversation.progress(0, 1, 1...13)
        for index in 0..<2 { _ = conversation.say(index, halted(1, [(0, 1), (1, 2)])) }
        for index in 0..<2 { _ = conversation.frozen(index, 2, 13) }
        _ = conversation.linked([0], 2)
        _ = conversation.say(0, halted(2, [(0, 1), (1, 2)]))
        _ = conversation.linked([1], 2)
        #expect(conversation.say(1, halted(2, [(0, 1), (1, 2)])).freezes == [0: 3, 1: 3])
    }

    @Test func tooManyLossesEndTheRunWithTheAuditsVerdict() {
        var conversation = running(3) { $0.maxFailures = 0 }
        _ = conversation.progress(0, 1, 1...13)
        let voices: [(Int, UInt64)] = [(0, 1), (1, 2)]
        _ = conversation.say(0, halted(1, voices))
        _ = conversation.say(1, halted(1, voices))
        _ = conversation.say(2, halted(1, voices + [(2, 1)]))
        let frozen = (0..<3).flatMap { conversation.frozen($0, 2, 13) }
        #expect(frozen.releases == [1: .failed] && frozen.starts.isEmpty)
        let verdict = conversation.wait().verdict
        #expect(verdict?.worker == "w1" && verdict?.message.contains("--max-failures allows 0") == true)
    }

    @Test func auditsAreCounted() {
        var conversation = running(2)
        _ = conversation.progress(0, 1, 1...13)
        _ = conversation.progress(1, 1, 1...13)
        // Even steps up to 12; reports without their generation count by the last roster.
        #expect(conversation.core.lanesAudited == 6)
    }
}
