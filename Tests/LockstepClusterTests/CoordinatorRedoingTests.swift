import LockstepCore
import Testing

@testable import LockstepCluster

/// A run that begins again with an older state than it had come to.
@Suite struct CoordinatorRedoingTests {
    /// The workers died with their coordinator, and no snapshot is as new as what was reported: nobody holds that any more,
    /// and no decision waits for somebody who might.
    @Test func whatAnEarlierAttemptReportedIsMissedByNobody() {
        var conversation = Conversation.running(2) { $0.welcome.reportedStep = 6 }
        conversation.join("w2", 2)
        _ = conversation.prepared(2)
        #expect(conversation.closed(1).freezes == [0: 2, 2: 2])
        // w2 hangs.
        let roster = conversation.frozen(0, 2, 1).starts[0]?.roster
        #expect(roster?.members.map(\.name) == ["w0"] && roster?.start.step == 1)
    }

    /// w1 had gone on alone, unheard, when the others began without it.
    @Test func whatIsToldLateOfAnEarlierGenerationIsMissedByNobody() {
        var conversation = Conversation.running(2)
        _ = conversation.progress(0, 1, 1...3)
        _ = conversation.closed(1)
        #expect(conversation.frozen(0, 2, 3).starts[0]?.roster.start.step == 3)
        _ = conversation.linked([0], 2)
        _ = conversation.hello("w1", 11, process: 1, running: 1, isPrepared: true)
        _ = conversation.progress(11, 1, 4...9)
        _ = conversation.progress(0, 2, 4...4)
        conversation.join("w2", 2)
        _ = conversation.prepared(2)
        _ = conversation.say(0, .halted(Halted(generation: 2, step: 5, cause: .hashesDiffer([]))))
        #expect(conversation.core.mode == .freezing(generation: 3))
        // Neither of the others answers.
        #expect(conversation.frozen(0, 3, 4).starts[0]?.roster.start.step == 4)
        // What is told of the generation that works counts.
        _ = conversation.linked([0], 3)
        _ = conversation.progress(0, 3, 5...12)
        #expect(conversation.core.reached == 11)
    }

    /// A worker that tells of a step that nobody can have come to holds up no decision.
    @Test func aStepFarFromAllOthersIsNotWhatTheRunHasComeTo() {
        var conversation = Conversation.running(2)
        _ = conversation.progress(0, 1, 1...4)
        _ = conversation.progress(1, 1, 4_000_000_000...4_000_000_000)
        #expect(conversation.core.reached == 3)
        _ = conversation.closed(1)
        #expect(conversation.frozen(0, 2, 4).starts[0]?.roster.start.step == 4)
    }

    /// Steps that were reported once are not reported again; they are turns all the same.
    @Test func stepsThatAreDoneAgainAreNoStandstill() {
        var conversation = Conversation.running(1) { $0.welcome.reportedStep = 200 }
        for step in 1...150 as ClosedRange<UInt32> {
            conversation.now += 2_000_000_000
            _ = conversation.progress(0, 1, step...step)
            #expect(conversation.event(.tick).freezes.isEmpty)
        }
        #expect(conversation.core.mode == .running)
        #expect(conversation.core.pace.longestTurn == 2_000_000_000)
    }
}
