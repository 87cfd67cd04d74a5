import LockstepCluster
import LockstepCollectives
import LockstepCore
import Testing

/// Who is lost, and what is said to be the cause.
@Suite struct CoordinatorLossTests {
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

    /// Nothing breaks, and nothing comes through: the freeze finds who is out of whose reach.
    @Test func whoCannotReachWhomIsNamed() {
        func verdict(_ outOfReach: [[String]]) -> Verdict? {
            var conversation = Conversation.running(3)
            let waiting = Pong(nonce: 1, step: 4, stage: .allReduce, waitingFor: ["w2"])
            let behind = Pong(nonce: 1, step: 4, stage: .forward, waitingFor: [])
            for _ in 0..<100 where conversation.core.mode == .running {
                _ = conversation.live(1, [0: waiting, 1: waiting, 2: behind])
            }
            for index in 0..<3 { _ = conversation.frozen(index, 2, 3, outOfReach: outOfReach[index]) }
            let names = conversation.core.roster?.members.map(\.name) ?? []
            return conversation.linked((0..<3).filter { names.contains("w\($0)") }, 2).incidents.first?.verdict
        }
        let stood = "no step for 60 s; the others wait for worker w2 (forward of step 4)"
        #expect(verdict([[], ["w2"], []])?.message == "\(stood); w1 cannot reach w2")
        #expect(verdict([[], ["w2"], ["w1"]])?.message == "\(stood); w1 and w2 cannot reach each other")
        let both = verdict([["w2"], [], ["w1", "w0"]])
        #expect(both?.cause == "no step for 60 s; w0 and w2 cannot reach each other, w2 cannot reach w1")
        #expect(both?.worker == "w2" && both?.step == 4)
        #expect(verdict([[], [], []])?.message == stood)
    }

    /// It was heard last in one stage, and lost in a later one: that is the one that is said.
    @Test func aSilentWorkerIsLostInOneStage() {
        var conversation = Conversation.running(2)
        let last = Pong(nonce: 1, step: 4, stage: .forward, waitingFor: [])
        _ = conversation.say(1, .pong(last))
        let beyond = Pong(nonce: 1, step: 5, stage: .allReduce, waitingFor: ["w1"])
        for _ in 0..<20 where conversation.core.mode == .running { _ = conversation.live(1, [0: beyond]) }
        _ = conversation.frozen(0, 2, 4)
        let verdict = conversation.linked([0], 2).incidents.first?.verdict
        #expect(verdict?.message == "worker w1 was lost in all-reduce of step 5: no answer for 10 s")
        #expect(verdict?.stage == .allReduce && verdict?.step == 5 && verdict?.cause == "no answer for 10 s")
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

    @Test func whoJudgesAloneIsNamed() {
        var conversation = Conversation.running(2)
        let judgements = [1, 1, 3].enumerated().map {
            HaltCause.MemberJudgement(name: "w\($0)", judgement: UInt64($1))
        }
        let halted = Halted(generation: 1, step: 4, cause: .judgementsDiffer(judgements))
        #expect(conversation.say(0, .halted(halted)).freezes == [0: 2, 1: 2])
        for index in 0..<2 { _ = conversation.frozen(index, 2, 4) }
        let verdict = conversation.linked([0, 1], 2).incidents.first?.verdict
        #expect(verdict?.worker == "w2" && verdict?.step == 4)
        #expect(verdict?.message.contains("w2 0000000000000003; found after step 4") == true)
    }

    @Test func aVerdictCanSayBackward() {
        var conversation = Conversation.running(2)
        _ = conversation.say(1, .pong(Pong(nonce: 1, step: 5, stage: .backward, waitingFor: [])))
        // The core of the worker has not heard of it.
        let progress = Progress(generation: 1, step: 5, stage: .forward, reports: Conversation.reports(1...4))
        _ = conversation.say(1, .progress(progress))
        var later = conversation
        func stage(_ conversation: inout Conversation) -> Stage? {
            _ = conversation.closed(1)
            _ = conversation.frozen(0, 2, 5)
            return conversation.linked([0], 2).incidents.first?.verdict.stage
        }
        #expect(stage(&conversation) == .backward)
        let next = Progress(generation: 1, step: 6, stage: .forward, reports: Conversation.reports(5...5))
        _ = later.say(1, .progress(next))
        #expect(stage(&later) == .forward)
    }
}
