import LockstepCluster
import LockstepCore
import Testing

/// Nothing that lives and does not get on may hold a run for ever.
@Suite struct CoordinatorStandstillTests {
    private func pong(_ step: UInt32, _ stage: Stage, _ waitingFor: [String] = []) -> Pong {
        Pong(nonce: 1, step: step, stage: stage, waitingFor: waitingFor)
    }

    private func progress(_ step: UInt32) -> ControlMessage {
        var report = StepReport(
            step: step, epoch: 1, loss: 1, metrics: [], learningRate: 1, samples: 1, seconds: 1e300)
        report.generation = 1
        return .progress(Progress(generation: 1, step: step, stage: .update, reports: [report]))
    }

    private func done(_ conversation: Conversation) -> Done {
        Done(
            generation: 1, step: 3, hash: conversation.hash, lanesComputed: 12, gradientBytesSent: 0, evaluation: nil,
            lastEpoch: [1])
    }

    /// The standstill that the coordinator speaks of, and after how many seconds.
    private func standstill(
        _ conversation: inout Conversation, _ pongs: [Int: Pong], limit: Int = 7000
    ) -> (text: String, seconds: UInt64)? {
        let start = conversation.now
        for _ in 0..<limit where conversation.core.mode == .running {
            conversation.now += 1_000_000_000
            for (connection, pong) in pongs.sorted(by: { $0.key < $1.key }) {
                _ = conversation.say(connection, .pong(pong))
            }
            guard let text = conversation.event(.tick).warnings.first else { continue }
            return (text, (conversation.now - start) / 1_000_000_000)
        }
        return nil
    }

    @Test func whomTheOthersWaitForIsNamed() {
        var conversation = Conversation.running(3)
        // w0 waits for both, w2 waits for w1, so w1 it is. Nobody knows yet what a step takes.
        let found = standstill(
            &conversation,
            [0: pong(4, .allReduce, ["w1", "w2"]), 1: pong(4, .forward), 2: pong(4, .allReduce, ["w1"])])
        #expect(found?.text == "no step for 60 s; the others wait for worker w1 (forward of step 4)")
        // The first pong was a sign of getting on.
        #expect(found?.seconds == 61)
        #expect(conversation.core.mode == .freezing(generation: 2))
        // Who does not stand still now is lost, and it is clear why.
        for index in [0, 2] { _ = conversation.frozen(index, 2, 3) }
        var dropped: [CoordinatorAction] = []
        for _ in 0..<10_000 where dropped.closes.isEmpty { dropped = conversation.wait() }
        #expect(dropped.closes.contains(1) && dropped.releases.isEmpty && dropped.starts.keys.sorted() == [0, 2])
        let verdict = conversation.linked([0, 2], 2).incidents.first?.verdict
        #expect(verdict?.worker == "w1" && verdict?.stage == .forward && verdict?.step == 4)
        #expect(verdict?.cause == "no step for 60 s, and it did not stand still within 10 s")
        // Who does stand still goes on.
        var patient = Conversation.running(2)
        _ = standstill(&patient, [0: pong(4, .allReduce, ["w1"]), 1: pong(4, .forward)])
        for index in 0..<2 { _ = patient.frozen(index, 2, 3) }
        #expect(patient.core.roster?.members.count == 2)
        #expect(patient.linked([0, 1], 2).incidents.first?.verdict.cause == "no step for 60 s")
    }

    /// What one sends to the other is lost.
    @Test func whereAllWaitThereAreNoOthers() {
        var conversation = Conversation.running(2)
        let found = standstill(&conversation, [0: pong(4, .allReduce, ["w1"]), 1: pong(4, .allReduce, ["w0"])])
        #expect(
            found?.text
                == "no step for 60 s; they wait for each other: workers w0 (all-reduce of step 4), w1 (all-reduce of step 4)"
        )
    }

    @Test func elseTheSlowestIsNamed() {
        var conversation = Conversation.running(2)
        let found = standstill(&conversation, [0: pong(4, .update), 1: pong(4, .load, ["w9"])])
        #expect(found?.text == "no step for 60 s; furthest behind: worker w1 (load of step 4)")
    }

    @Test func whoGetsOnIsLeftAlone() {
        var conversation = Conversation.running(1)
        for step in 1...5 as ClosedRange<UInt32> {
            // Each stage may take its time.
            for stage in [Stage.forward, .backward, .update] {
                #expect(standstill(&conversation, [0: pong(step, stage)], limit: 55) == nil)
            }
            _ = conversation.say(0, progress(step))
        }
        for _ in 0..<5 {
            // Evaluation, one batch after the other.
            #expect(standstill(&conversation, [0: pong(5, .evaluation)], limit: 55) == nil)
            let batch = Progress(generation: 1, step: 5, stage: .evaluation, reports: [])
            _ = conversation.say(0, .progress(batch))
        }
        #expect(conversation.core.mode == .running)
        // Steps took 165 s some time ago, so 20 times that is nearly not too long, and what the worker says it took does
        // not count.
        #expect(standstill(&conversation, [0: pong(5, .evaluation)])?.seconds == 3_051)
    }

    @Test func aFastRunNoticesSoon() {
        var conversation = Conversation.running(1)
        for step in 1...2 as ClosedRange<UInt32> {
            conversation.now += 100_000_000
            _ = conversation.say(0, progress(step))
        }
        #expect(standstill(&conversation, [0: pong(3, .forward)])?.seconds == 11)
        // What is told while all stand still is no turn that took so long.
        conversation.now += 100_000_000_000
        _ = conversation.say(0, progress(3))
        _ = conversation.frozen(0, 2, 3)
        _ = conversation.linked([0], 2)
        #expect(standstill(&conversation, [0: pong(4, .forward)])?.seconds == 11)
    }

    @Test func linkingHasAnEnd() {
        var conversation = Conversation(workers: 2)
        for index in 0..<2 { conversation.join("w\(index)", index) }
        for index in 0..<2 { _ = conversation.prepared(index) }
        _ = conversation.say(1, .linked(generation: 1))
        let found = standstill(&conversation, [0: pong(0, .linking), 1: pong(0, .idle)])
        #expect(found?.text == "not all links were there after 61 s; missing are those of worker w0 (linking)")
    }

    @Test func preparingHasAnEnd() {
        var conversation = Conversation(workers: 3)
        conversation.join("w0", 0)
        _ = conversation.prepared(0)
        // Workers that are ready wait for the last one for as long as it takes.
        #expect(conversation.live(2_000, [0: pong(0, .idle)]).isEmpty)
        conversation.join("w1", 1)
        _ = conversation.live(700, [0: pong(0, .idle), 1: pong(0, .preparing)])
        #expect(conversation.core.workerReadings.map(\.name) == ["w0"] && conversation.core.mode == .gathering)
    }

    @Test func deadlinesGrowWhileNothingGetsOn() {
        var conversation = Conversation.running(1)
        var seconds: [UInt64] = []
        for generation in 2...5 as ClosedRange<UInt32> {
            seconds.append(standstill(&conversation, [0: pong(0, .forward)])?.seconds ?? 0)
            _ = conversation.frozen(0, generation, 0, hash: conversation.hash)
            _ = conversation.linked([0], generation)
        }
        #expect(seconds.map { $0 / 60 } == [1, 2, 4, 8])
        #expect(conversation.core.roster?.patience == 16)
        // They shrink when something does.
        _ = conversation.progress(0, 5, 1...1)
        _ = conversation.say(0, .linkDown(LinkDown(generation: 5, peer: "w0", reason: "x")))
        _ = conversation.frozen(0, 6, 1)
        #expect(conversation.core.roster?.patience == 8)
        var constant = Conversation.running(1)
        constant.core.rules.keepsDeadlines = true
        _ = standstill(&constant, [0: pong(0, .forward)])
        _ = constant.frozen(0, 2, 0, hash: constant.hash)
        #expect(constant.core.roster?.patience == 1)
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

    @Test func aShareThatDoesNotComeIsSentByAnother() {
        var conversation = Conversation.running(2)
        for index in 0..<2 { _ = conversation.say(index, .done(done(conversation))) }
        let pongs = [0: pong(3, .snapshot), 1: pong(3, .snapshot)]
        #expect(conversation.live(9, pongs).isEmpty)
        #expect(conversation.event(.shareReceived(name: "w0", step: 3)).isEmpty)
        #expect(conversation.live(9, pongs).isEmpty)
        conversation.now += 1_000_000_000
        for (connection, pong) in pongs { _ = conversation.say(connection, .pong(pong)) }
        let actions = conversation.event(.tick)
        #expect(actions.closes.contains(1) && actions.fetches == [0: [Fetch(step: 3, share: 1, count: 2)]])
        #expect(
            actions.warnings.first
                == "worker lost: w1 (it sent nothing of the state after step 3 for 10 s)")
    }

    /// Who sent its own share and hangs over another's is lost, and nobody else.
    @Test func whoSendsAnothersShareIsWaitedForAnew() {
        var conversation = Conversation.running(3)
        for index in 0..<3 { _ = conversation.say(index, .done(done(conversation))) }
        for name in ["w1", "w2"] { _ = conversation.event(.shareReceived(name: name, step: 3)) }
        func waitForALoss(_ living: [Int]) -> [CoordinatorAction] {
            for _ in 0..<30 {
                conversation.now += 1_000_000_000
                for connection in living { _ = conversation.say(connection, .pong(pong(3, .snapshot))) }
                let actions = conversation.event(.tick)
                if !actions.closes.isEmpty { return actions }
            }
            return []
        }
        let first = waitForALoss([0, 1, 2])
        #expect(first.closes.contains(0) && first.fetches == [1: [Fetch(step: 3, share: 0, count: 3)]])
        let second = waitForALoss([1, 2])
        #expect(second.closes.contains(1) && !second.closes.contains(2))
        #expect(second.fetches[2]?.count == 2)
    }

    /// Who says that it was prepared before, and never says so again, hangs: it is no member that steps would show.
    @Test func whoWasPreparedBeforeHasToSaySo() {
        var conversation = Conversation(workers: 2)
        _ = conversation.hello("w0", 0, isPrepared: true)
        var actions: [CoordinatorAction] = []
        for _ in 0..<140 where actions.closes.isEmpty {
            conversation.now += 5_000_000_000
            _ = conversation.say(0, .pong(pong(0, .idle)))
            actions = conversation.event(.tick)
        }
        #expect(actions.closes.contains(0))
        #expect((600...605).contains(conversation.now / 1_000_000_000), "\(conversation.now)")
    }

    @Test func aCoordinatorThatSleptMissedNoStep() {
        var conversation = Conversation.running(1)
        _ = conversation.live(50, [0: pong(1, .forward)])
        conversation.now += 1_000_000_000_000
        #expect(standstill(&conversation, [0: pong(1, .forward)], limit: 9) == nil)
        #expect(standstill(&conversation, [0: pong(1, .forward)])?.seconds == 3)
    }

    /// A turn was completed once: what the next generation's take is known, however early it fails.
    @Test func afterTheFirstTurnNobodyWaitsForAMinute() {
        var conversation = Conversation.running(2)
        conversation.now += 200_000_000
        _ = conversation.progress(0, 1, 1...1)
        _ = conversation.say(0, .linkDown(LinkDown(generation: 1, peer: "w1", reason: "reset")))
        for index in 0..<2 { _ = conversation.frozen(index, 2, 1) }
        _ = conversation.linked([0, 1], 2)
        let found = standstill(&conversation, [0: pong(2, .allReduce, ["w1"]), 1: pong(2, .forward)])
        // From the first sign of the second step.
        #expect(found?.seconds == 11, "\(String(describing: found))")
        // A slow first turn allows for slow ones.
        var slow = Conversation.running(1)
        #expect(standstill(&slow, [0: pong(1, .forward)], limit: 30) == nil)
        _ = slow.progress(0, 1, 1...1)
        #expect(standstill(&slow, [0: pong(2, .forward)], limit: 590) == nil)
    }
}
