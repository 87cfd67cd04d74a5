import LockstepCluster
import LockstepCollectives
import LockstepCore
import Testing

/// One worker of two, whose job validates after every second of four steps and snapshots after every step.
@Suite struct WorkerValidationTests {
    private let control = ConnectionNumber(1)
    private let hash = StateHash(high: 0, low: 1)
    private func start(generation: UInt32 = 1, start: StatePoint, everySteps: UInt32 = 1) -> ControlMessage {
        let roster = TestWorker.roster(generation, start: start, hash: hash, members: 2)
        return .start(TestWorker.start(roster, snapshotEverySteps: everySteps))
    }

    private func prepared(_ point: StatePoint, isStopped: Bool = false, isBest: Bool = false) -> WorkerCore {
        var held = TestWorker.held(point.step, isJudged: point.isJudged, hash: hash)
        held.isStopped = isStopped
        held.isBest = isBest
        held.epoch = 1
        held.epochSums = [5, 6]
        let preparation = TestWorker.preparation(held, lastStep: 4, validation: .init(batches: 2, stepsPerEpoch: 2))
        return TestWorker.prepared(preparation).core
    }

    private func running(_ point: StatePoint = StatePoint(step: 0), everySteps: UInt32 = 1) -> WorkerCore {
        var core = prepared(point)
        _ = core.handle(.message(control, start(start: point, everySteps: everySteps)), at: 0)
        _ = core.handle(.linked(peer: "w0", generation: 1), at: 0)
        return core
    }

    private func finished(
        _ turn: Turn, asked: UInt32 = 0, judgements: [UInt64] = [7, 7], hashes: [UInt64] = [1, 1]
    ) throws -> WorkerEvent {
        let records = (0..<2).map { index in
            ControlRecord(
                lanes: index..<(index + 1), sums: [1, 2], sampleHash: judgements[index],
                stateHash: StateHash(high: 0, low: hashes[index]), askedGeneration: index == 0 ? asked : 0)
        }
        let summary = try RecordSummary(records: records, tree: LaneTree(laneCount: 2), sumCount: 2)
        return .turnFinished(turn, summary, gradientIsFinite: true, gradientBytesSent: 0)
    }

    private func report(_ step: UInt32) -> StepReport {
        StepReport(
            step: step, epoch: (step - 1) / 2 + 1, loss: 1, metrics: [], learningRate: 1, samples: 1, seconds: 1)
    }

    /// Goes through a training step.
    private func step(_ core: inout WorkerCore, _ step: UInt32, asked: UInt32 = 0) throws -> [WorkerAction] {
        let turn = Turn(.train, step: step)
        _ = core.handle(.computed(turn), at: 0)
        let actions = core.handle(try finished(turn, asked: asked), at: 0)
        return actions + core.handle(.updated(report(step)), at: 0)
    }

    private func batch(_ core: inout WorkerCore, _ number: UInt32, asked: UInt32 = 0) throws -> [WorkerAction] {
        _ = core.handle(.computed(Turn(.validation, step: number)), at: 0)
        return core.handle(try finished(Turn(.validation, step: number), asked: asked), at: 0)
    }

    private func progress(_ actions: [WorkerAction]) -> [Progress] {
        actions.compactMap { if case .send(_, .progress(let progress)) = $0 { progress } else { nil } }
    }

    @Test func anEpochIsValidatedJudgedAndDecided() throws {
        var core = running()
        let first = try step(&core, 1)
        // Between two steps of an epoch the share is put aside before the next begins.
        let fetch = Fetch(step: 1, share: 1, count: 2)
        #expect(
            first.suffix(2) == [.copyShare(fetch, isBest: false), .begin(Turn(.train, step: 2))])
        let second = try step(&core, 2)
        // The next turn told that all hold S(1). S(2) is not whole, so no share of it yet.
        #expect(progress(second)[0].agreed == [AgreedState(step: 1, hash: hash, isBest: false)])
        #expect(second.last == .begin(Turn(.validation, step: 1)) && core.stage == .validation)
        #expect(!second.contains { if case .copyShare = $0 { true } else { false } })
        #expect(try batch(&core, 1).last == .begin(Turn(.validation, step: 2)))
        #expect(try batch(&core, 2).last == .judge(validationSums: [4, 8], step: 2))
        #expect(core.currentStep == 2)
        let decision = Turn(.decision, step: 2)
        #expect(
            core.handle(.judged(isStopping: false, snapshots: true, watchHash: 0xABC), at: 0) == [
                .begin(decision), .record(decision, askedGeneration: 0, judgement: 0xABC & ~3 | 2),
            ])
        let actions = core.handle(try finished(decision), at: 0)
        #expect(
            actions.suffix(2) == [
                .copyShare(Fetch(step: 2, share: 1, count: 2), isBest: true), .begin(Turn(.train, step: 3)),
            ])
        // What is decided is agreed on.
        let last = progress(actions).last
        #expect(last?.agreed == [AgreedState(step: 2, hash: hash, isBest: true)])
        #expect(last?.evaluations == [EvaluationReport(epoch: 1, step: 2, sums: [4, 8])])
    }

    @Test func onlyWhatIsDueIsCopied() throws {
        var core = running(everySteps: 3)
        #expect(try step(&core, 1).last == .begin(Turn(.train, step: 2)))
        _ = try step(&core, 2)
        _ = try batch(&core, 1)
        _ = try batch(&core, 2)
        _ = core.handle(.judged(isStopping: false, snapshots: false, watchHash: 0), at: 0)
        #expect(core.handle(try finished(Turn(.decision, step: 2)), at: 0).last == .begin(Turn(.train, step: 3)))
        #expect(try step(&core, 3).contains(.copyShare(Fetch(step: 3, share: 1, count: 2), isBest: false)))
        // Without agreement nothing is said of it.
        var other = core
        _ = other.handle(.computed(Turn(.train, step: 4)), at: 0)
        let halted = other.handle(try finished(Turn(.train, step: 4), hashes: [1, 2]), at: 0)
        #expect(progress(halted).allSatisfy(\.agreed.isEmpty) && other.state == .halted)
        // The end collects the last state; there is no share in mid-run of it.
        _ = try step(&core, 4)
        _ = try batch(&core, 3)
        _ = try batch(&core, 4)
        _ = core.handle(.judged(isStopping: false, snapshots: true, watchHash: 0), at: 0)
        let closing = Turn(.closing, step: 4)
        let actions = core.handle(try finished(Turn(.decision, step: 4)), at: 0)
        #expect(actions.suffix(2) == [.begin(closing), .record(closing, askedGeneration: 0)])
        #expect(!actions.contains { if case .copyShare = $0 { true } else { false } })
        guard case .send(_, .done(let done)) = core.handle(try finished(closing), at: 0).last else {
            Issue.record("not done")
            return
        }
        #expect(done.isBest && done.step == 4 && done.lastEpoch == [4, 8])
    }

    @Test func aJudgementStopsTraining() throws {
        var core = running()
        _ = try step(&core, 1)
        _ = try step(&core, 2)
        _ = try batch(&core, 1)
        _ = try batch(&core, 2)
        let decision = Turn(.decision, step: 2)
        #expect(
            core.handle(.judged(isStopping: true, snapshots: false, watchHash: 4), at: 0) == [
                .begin(decision, isStopping: true), .record(decision, askedGeneration: 0, judgement: 5),
            ])
        let closing = Turn(.closing, step: 2)
        #expect(
            core.handle(try finished(decision), at: 0).suffix(2)
                == [.begin(closing), .record(closing, askedGeneration: 0)])
        guard case .send(_, .done(let done)) = core.handle(try finished(closing), at: 0).last else {
            Issue.record("not done")
            return
        }
        #expect(done.step == 2 && !done.isBest)
    }

    @Test func whoJudgesDifferentlyIsFoundBeforeAnythingFollows() throws {
        var core = running()
        _ = try step(&core, 1)
        _ = try step(&core, 2)
        _ = try batch(&core, 1)
        _ = try batch(&core, 2)
        _ = core.handle(.judged(isStopping: true, snapshots: false, watchHash: 4), at: 0)
        let actions = core.handle(try finished(Turn(.decision, step: 2), judgements: [4, 5]), at: 0)
        let judgements = [4, 5].enumerated().map {
            HaltCause.MemberJudgement(name: "w\($0)", judgement: UInt64($1))
        }
        #expect(
            actions.last
                == .send(control, .halted(Halted(generation: 1, step: 2, cause: .judgementsDiffer(judgements)))))
        #expect(core.state == .halted)
    }

    // MARK: Stops

    @Test func aPlannedStopWaitsForTheDecision() throws {
        var core = running()
        _ = try step(&core, 1)
        // Asked for in the step that ends the epoch, and in each record from then on.
        _ = core.handle(.message(control, .plan(PlannedChange(generation: 7))), at: 0)
        #expect(try step(&core, 2, asked: 7).last == .begin(Turn(.validation, step: 1)))
        #expect(core.promised == 1)
        _ = try batch(&core, 1, asked: 7)
        #expect(try batch(&core, 2, asked: 7).last == .judge(validationSums: [4, 8], step: 2))
        _ = core.handle(.judged(isStopping: false, snapshots: true, watchHash: 0), at: 0)
        let actions = core.handle(try finished(Turn(.decision, step: 2), asked: 7), at: 0)
        #expect(actions.last == .hashState)
        // No share is put aside: the stop collects the state.
        #expect(!actions.contains { if case .copyShare = $0 { true } else { false } })
        let frozen = core.handle(.stateHashed(hash, whole: hash), at: 0).frozen
        #expect(frozen?.generation == 7 && frozen?.isBest == true)
        #expect(frozen?.holding?.point == StatePoint(step: 2))
    }

    @Test func aFreezeWaitsForAJudgementOnly() throws {
        var core = running()
        _ = try step(&core, 1)
        _ = try step(&core, 2)
        var half = core
        _ = try batch(&core, 1)
        _ = try batch(&core, 2)
        #expect(core.handle(.message(control, .freeze(Freeze(generation: 3))), at: 0).isEmpty)
        #expect(core.handle(.judged(isStopping: true, snapshots: false, watchHash: 0), at: 0).last == .park)
        _ = core.handle(.parked(waitingFor: []), at: 0)
        _ = core.handle(.stateHashed(hash, whole: hash), at: 0)
        // What was judged counts in the next generation.
        var next = core
        _ = next.handle(.message(control, start(generation: 3, start: StatePoint(step: 2))), at: 0)
        #expect(
            next.handle(.linked(peer: "w0", generation: 3), at: 0).suffix(2) == [
                .begin(Turn(.closing, step: 2)), .record(Turn(.closing, step: 2), askedGeneration: 0),
            ])
        // Half a validation is dropped: it holds S(2) before its validation, and a generation may start from that.
        _ = half.handle(.computed(Turn(.validation, step: 1)), at: 0)
        #expect(half.handle(.message(control, .freeze(Freeze(generation: 3))), at: 0).last == .park)
        _ = half.handle(.parked(waitingFor: []), at: 0)
        let unjudged = StatePoint(step: 2, isJudged: false)
        #expect(half.handle(.stateHashed(hash, whole: hash), at: 0).frozen?.holding?.point == unjudged)
        var other = half
        _ = half.handle(.message(control, start(generation: 3, start: StatePoint(step: 2))), at: 0)
        #expect(half.state == .halted)
        _ = other.handle(.message(control, start(generation: 3, start: unjudged)), at: 0)
        #expect(other.handle(.linked(peer: "w0", generation: 3), at: 0).last == .begin(Turn(.validation, step: 1)))
        _ = try batch(&other, 1)
        #expect(try batch(&other, 2).last == .judge(validationSums: [4, 8], step: 2))
    }

    /// What the step's hash says before the validation says nothing of the state after it: the best may be restored.
    @Test func aJudgementMakesAnotherState() throws {
        var core = running()
        _ = try step(&core, 1)
        _ = try step(&core, 2)
        _ = core.handle(.computed(Turn(.validation, step: 1)), at: 0)
        _ = core.handle(.recorded(Turn(.validation, step: 1), hash), at: 0)
        _ = core.handle(try finished(Turn(.validation, step: 1)), at: 0)
        _ = try batch(&core, 2)
        _ = core.handle(.message(control, .freeze(Freeze(generation: 3))), at: 0)
        _ = core.handle(.judged(isStopping: false, snapshots: true, watchHash: 0), at: 0)
        _ = core.handle(.parked(waitingFor: []), at: 0)
        let best = StateHash(high: 0, low: 5)
        let frozen = core.handle(.stateHashed(best, whole: best), at: 0).frozen
        #expect(frozen?.holding == Holding(point: StatePoint(step: 2), hash: best, wholeHash: best))
        #expect(frozen?.agreed == .init(point: StatePoint(step: 2, isJudged: false), hash: hash))
        #expect(frozen?.isBest == true)
    }

    // MARK: Resuming

    @Test func aRunGoesOnAfterTheDecision() throws {
        var core = running(StatePoint(step: 2))
        #expect(core.state == .computing(Turn(.train, step: 3)))
        // The epoch's sums go on in the same epoch only.
        #expect(core.lastEpoch == [5, 6])
        _ = try step(&core, 3)
        #expect(core.lastEpoch == [2, 4] && core.epoch == 2)
        var middle = running(StatePoint(step: 1))
        _ = try step(&middle, 2)
        #expect(middle.lastEpoch == [7, 10])
        var resumed = running(StatePoint(step: 2, isJudged: false))
        #expect(resumed.state == .computing(Turn(.validation, step: 1)))
        _ = try batch(&resumed, 1)
        #expect(try batch(&resumed, 2).last == .judge(validationSums: [4, 8], step: 2))
        var stopped = prepared(StatePoint(step: 2), isStopped: true, isBest: true)
        _ = stopped.handle(.message(control, start(start: StatePoint(step: 2))), at: 0)
        #expect(
            stopped.handle(.linked(peer: "w0", generation: 1), at: 0).last
                == .record(Turn(.closing, step: 2), askedGeneration: 0))
        guard case .send(_, .done(let done)) = stopped.handle(try finished(Turn(.closing, step: 2)), at: 0).last else {
            Issue.record("not done")
            return
        }
        #expect(done.isBest && done.lastEpoch == [5, 6])
    }
}
