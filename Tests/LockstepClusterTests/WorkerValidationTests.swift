import LockstepCluster
import LockstepCollectives
import LockstepCore
import Testing

/// One worker of two, whose job validates after every second of four steps and snapshots after every step.
@Suite struct WorkerValidationTests {
    private let control = ConnectionNumber(1)
    private let hash = StateHash(high: 0, low: 1)
    private let identity = WorkerIdentity(
        name: "w1", process: ProcessNumber(11), host: "h", processIdentifier: 1, version: "1", instructionSet: "avx2",
        threads: 1)

    private func start(generation: UInt32 = 1, step: UInt32 = 0, everySteps: UInt32 = 1) -> ControlMessage {
        let members = (0..<2).map {
            Roster.Member(
                name: "w\($0)", process: ProcessNumber(UInt64($0) + 10), host: "h", ports: [$0], lanes: $0..<($0 + 1))
        }
        return .start(
            Start(
                roster: Roster(
                    generation: generation, members: members, startStep: step, stateHash: hash,
                    exchange: ExchangeSettings()),
                snapshotEverySteps: everySteps, traceContext: []))
    }

    private func prepared(step: UInt32 = 0, isStopped: Bool = false, isBest: Bool = false) -> WorkerCore {
        var core = WorkerCore(identity)
        _ = core.handle(.connected(control), at: 0)
        let welcome = Welcome(
            runIdentifier: "r", incarnation: 1, clusterName: "c", job: "", files: [], traceContext: [])
        _ = core.handle(.message(control, .welcome(welcome)), at: 0)
        let preparation = WorkerPreparation(
            planDigest: "d", step: step, stateHash: hash, lastStep: 4, evaluationBatches: 0,
            validation: TurnSchedule.Validation(batches: 2, stepsPerEpoch: 2), isStopped: isStopped, isBest: isBest,
            epoch: 1, epochSums: [5, 6], host: "h", ports: [1])
        _ = core.handle(.prepared(preparation), at: 0)
        return core
    }

    private func running(step: UInt32 = 0, everySteps: UInt32 = 1) -> WorkerCore {
        var core = prepared(step: step)
        _ = core.handle(.message(control, start(step: step, everySteps: everySteps)), at: 0)
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
        _ = core.handle(.message(control, .plan(generation: 7)), at: 0)
        #expect(try step(&core, 2, asked: 7).last == .begin(Turn(.validation, step: 1)))
        #expect(core.promised == 1)
        _ = try batch(&core, 1, asked: 7)
        #expect(try batch(&core, 2, asked: 7).last == .judge(validationSums: [4, 8], step: 2))
        _ = core.handle(.judged(isStopping: false, snapshots: true, watchHash: 0), at: 0)
        let actions = core.handle(try finished(Turn(.decision, step: 2), asked: 7), at: 0)
        #expect(actions.last == .hashState)
        // No share is put aside: the stop collects the state.
        #expect(!actions.contains { if case .copyShare = $0 { true } else { false } })
        #expect(
            core.handle(.stateHashed(hash), at: 0)
                == [.send(control, .frozen(Frozen(generation: 7, step: 2, hash: hash, isBest: true)))])
    }

    @Test func aFreezeWaitsForAJudgementOnly() throws {
        var core = running()
        _ = try step(&core, 1)
        _ = try step(&core, 2)
        var half = core
        _ = try batch(&core, 1)
        _ = try batch(&core, 2)
        #expect(core.handle(.message(control, .freeze(generation: 3)), at: 0).isEmpty)
        #expect(core.handle(.judged(isStopping: true, snapshots: false, watchHash: 0), at: 0).last == .hashState)
        _ = core.handle(.stateHashed(hash), at: 0)
        // What was judged counts in the next generation.
        var next = core
        _ = next.handle(.message(control, start(generation: 3, step: 2)), at: 0)
        #expect(
            next.handle(.linked(peer: "w0", generation: 3), at: 0).suffix(2) == [
                .begin(Turn(.closing, step: 2)), .record(Turn(.closing, step: 2), askedGeneration: 0),
            ])
        // Half a validation makes no S(2), so no generation may start from it.
        #expect(half.handle(.message(control, .freeze(generation: 3)), at: 0).last == .park)
        _ = half.handle(.parked, at: 0)
        _ = half.handle(.stateHashed(hash), at: 0)
        _ = half.handle(.message(control, start(generation: 3, step: 2)), at: 0)
        #expect(half.state == .halted)
    }

    // MARK: Resuming

    @Test func aRunGoesOnAfterTheDecision() throws {
        var core = running(step: 2)
        #expect(core.state == .computing(Turn(.train, step: 3)))
        // The epoch's sums go on in the same epoch only.
        #expect(core.lastEpoch == [5, 6])
        _ = try step(&core, 3)
        #expect(core.lastEpoch == [2, 4] && core.epoch == 2)
        var middle = running(step: 1)
        _ = try step(&middle, 2)
        #expect(middle.lastEpoch == [7, 10])
        var stopped = prepared(step: 2, isStopped: true, isBest: true)
        _ = stopped.handle(.message(control, start(step: 2)), at: 0)
        #expect(
            stopped.handle(.linked(peer: "w0", generation: 1), at: 0).last
                == .record(Turn(.closing, step: 2), askedGeneration: 0))
        guard case .send(_, .done(let done)) = stopped.handle(try finished(Turn(.closing, step: 2)), at: 0).last else {
            Issue.record("not done")
            return
        }
        #expect(done.isBest && done.lastEpoch == [5, 6])
    }

    @Test func manyNumbersGoOutAtOnce() throws {
        var core = running(everySteps: 0)
        _ = try step(&core, 1)
        _ = try step(&core, 2)
        _ = core.handle(.computed(Turn(.validation, step: 1)), at: 0)
        let records = (0..<2).map {
            ControlRecord(
                lanes: $0..<($0 + 1), sums: [Double](repeating: 1, count: 4096), sampleHash: 0, stateHash: hash)
        }
        let summary = try RecordSummary(records: records, tree: LaneTree(laneCount: 2), sumCount: 4096)
        var sent: [Int] = []
        for epoch in 0..<2 as Range<UInt32> {
            for batch in 1...2 as ClosedRange<UInt32> {
                let turn = Turn(.validation, step: 2 * epoch + batch)
                _ = core.handle(.computed(turn), at: 0)
                let event = WorkerEvent.turnFinished(turn, summary, gradientIsFinite: true, gradientBytesSent: 0)
                let actions = core.handle(event, at: 0)
                sent += progress(actions).map(\.evaluations.count)
            }
            _ = core.handle(.judged(isStopping: false, snapshots: false, watchHash: 0), at: 0)
            _ = core.handle(try finished(Turn(.decision, step: 2 * epoch + 2)), at: 0)
            if epoch == 0 {
                _ = try step(&core, 3)
                _ = try step(&core, 4)
            }
        }
        // The first waits for its time; the second would make the message too long.
        #expect(sent.contains(2), "\(sent)")
    }
}
