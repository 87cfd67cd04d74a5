import LockstepCluster
import LockstepCore
import Testing

/// Nothing that lives and does not get on may hold a run for ever.
@Suite struct CoordinatorStandstillTests {
    private func pong(_ step: UInt32, _ stage: Stage, _ waitingFor: [String] = []) -> Pong {
        Pong(nonce: 1, step: step, stage: stage, waitingFor: waitingFor)
    }

    private func progress(_ step: UInt32) -> ControlMessage {
        let report = StepReport(
            step: step, epoch: 1, loss: 1, metrics: [], learningRate: 1, samples: 1, seconds: 1e300)
        return .progress(Progress(generation: 1, step: step, stage: .update, reports: [report]))
    }

    private func done(_ conversation: Conversation) -> Done {
        Done(
            generation: 1, step: 3, hash: conversation.hash, lanesComputed: 12, gradientBytesSent: 0, evaluation: nil,
            lastEpoch: [1])
    }

    @Test func whomTheOthersWaitForIsNamed() {
        var conversation = Conversation.running(3)
        let start = conversation.now
        // w0 waits for both, w2 waits for w1, so w1 it is.
        let actions = conversation.live(
            300, [0: pong(4, .allReduce, ["w1", "w2"]), 1: pong(4, .forward), 2: pong(4, .allReduce, ["w1"])])
        let verdict = actions.verdict
        #expect(verdict?.worker == "w1" && verdict?.stage == .forward && verdict?.step == 4)
        #expect(verdict?.message == "no step for 120 s; the others wait for worker w1 (forward of step 4)")
        #expect(verdict?.exitCode == .failed)
        // The first pong was a sign of getting on.
        #expect(conversation.now - start == 121_000_000_000)
        #expect(actions.releases == [0: .failed, 1: .failed, 2: .failed])
    }

    @Test func elseTheSlowestIsNamed() {
        var conversation = Conversation.running(2)
        let verdict = conversation.live(300, [0: pong(4, .update), 1: pong(4, .load, ["w9"])]).verdict
        #expect(verdict?.message == "no step for 120 s; furthest behind: worker w1 (load of step 4)")
    }

    @Test func whoGetsOnIsLeftAlone() {
        var conversation = Conversation.running(1)
        for step in 1...5 as ClosedRange<UInt32> {
            // Each stage may take its time.
            for stage in [Stage.forward, .backward, .update] {
                #expect(conversation.live(110, [0: pong(step, stage)]).isEmpty)
            }
            _ = conversation.say(0, progress(step))
        }
        for _ in 0..<5 {
            // Evaluation, one batch after the other.
            #expect(conversation.live(110, [0: pong(5, .evaluation)]).isEmpty)
            let batch = Progress(generation: 1, step: 5, stage: .evaluation, reports: [])
            _ = conversation.say(0, .progress(batch))
        }
        #expect(conversation.core.mode == .running)
        // Steps took 330 s, so 20 times that is not too long, and what the worker says it took does not count.
        #expect(conversation.live(6_599, [0: pong(5, .evaluation)]).isEmpty)
        #expect(conversation.live(2, [0: pong(5, .evaluation)]).verdict?.worker == "w0")
    }

    @Test func linkingHasAnEnd() {
        var conversation = Conversation(workers: 2)
        for index in 0..<2 { conversation.join("w\(index)", index) }
        for index in 0..<2 { _ = conversation.prepared(index) }
        _ = conversation.say(1, .linked(generation: 1))
        let verdict = conversation.live(100, [0: pong(0, .linking), 1: pong(0, .idle)]).verdict
        #expect(
            verdict?.message == "not all links were there after 61 s; missing are those of worker w0 (linking)")
    }

    @Test func preparingHasAnEnd() {
        var conversation = Conversation(workers: 3)
        conversation.join("w0", 0)
        _ = conversation.prepared(0)
        // Workers that are ready wait for the last one for as long as it takes.
        #expect(conversation.live(2_000, [0: pong(0, .idle)]).isEmpty)
        conversation.join("w1", 1)
        let verdict = conversation.live(700, [0: pong(0, .idle), 1: pong(0, .preparing)]).verdict
        #expect(verdict?.message == "not prepared 600 s after HELLO: worker w1 (preparing)")
        #expect(verdict?.worker == "w1" && verdict?.stage == .preparing)
        // Prepared without a bulk connection is not prepared.
        var half = Conversation(workers: 1)
        _ = half.hello("w0", 0)
        #expect(half.prepared(0).isEmpty)
        #expect(half.live(700, [0: pong(0, .idle)]).verdict?.worker == "w0")
    }

    @Test func whoComesAndGoesDoesNotDoSoForEver() {
        var conversation = Conversation(workers: 2)
        for connection in 1...101 {
            _ = conversation.hello("w1", connection)
            let actions = conversation.event(.closed(ConnectionNumber(connection), reason: "reset"))
            #expect((actions.verdict != nil) == (connection == 101))
            if connection == 101 {
                #expect(
                    actions.verdict?.message
                        == "101 workers left before the start, the last of them worker w1: "
                        + "its control connection was lost: reset")
            }
        }
    }

    @Test func aShareThatDoesNotComeIsMissed() {
        var conversation = Conversation.running(2)
        for index in 0..<2 { _ = conversation.say(index, .done(done(conversation))) }
        let pongs = [0: pong(3, .snapshot), 1: pong(3, .snapshot)]
        #expect(conversation.live(9, pongs).isEmpty)
        #expect(conversation.event(.shareReceived(name: "w0", step: 3)).isEmpty)
        #expect(conversation.live(9, pongs).isEmpty)
        let verdict = conversation.live(2, pongs).verdict
        #expect(verdict?.worker == "w1" && verdict?.stage == .snapshot && verdict?.step == 3)
        #expect(
            verdict?.message.hasPrefix("no share of the state after step 3 came for 10 s; nothing came from") == true)
    }

    @Test func aCoordinatorThatSleptMissedNoStep() {
        var conversation = Conversation.running(1)
        _ = conversation.live(100, [0: pong(1, .forward)])
        conversation.now += 1_000_000_000_000
        #expect(conversation.live(19, [0: pong(1, .forward)]).isEmpty)
        #expect(conversation.live(3, [0: pong(1, .forward)]).verdict?.worker == "w0")
    }
}
