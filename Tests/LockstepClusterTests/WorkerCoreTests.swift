import LockstepCluster
import LockstepCollectives
import LockstepCore
import Testing

@Suite struct WorkerCoreTests {
    private let control = ConnectionNumber(1)
    private let hash = StateHash(high: 1, low: 2)
    private let identity = WorkerIdentity(
        name: "w1", process: ProcessNumber(11), host: "h", processIdentifier: 1, version: "1", instructionSet: "avx2",
        threads: 1)

    private func roster(generation: UInt32, step: UInt32 = 0, members: Int = 3, hash: StateHash? = nil) -> Roster {
        Roster(
            generation: generation,
            members: (0..<members).map {
                Roster.Member(
                    name: "w\($0)", process: ProcessNumber(UInt64($0) + 10), host: "h", ports: [$0],
                    lanes: $0..<($0 + 1))
            }, startStep: step, stateHash: hash ?? self.hash, exchange: ExchangeSettings())
    }

    /// A worker that has said PREPARED.
    private func prepared(lastStep: UInt32 = 3, evaluationBatches: UInt32 = 1) -> WorkerCore {
        var core = WorkerCore(identity)
        #expect(core.handle(.connected(control), at: 0) == [.send(control, .hello(identity.hello(.control)))])
        let welcome = Welcome(
            runIdentifier: "r", incarnation: 1, clusterName: "c", job: "", files: [], traceContext: [])
        #expect(core.handle(.message(control, .welcome(welcome)), at: 0) == [.prepare(welcome)])
        let preparation = WorkerPreparation(
            planDigest: "d", step: 0, stateHash: hash, lastStep: lastStep, evaluationBatches: evaluationBatches,
            host: "h", ports: [1])
        #expect(core.handle(.prepared(preparation), at: 0).count == 1)
        return core
    }

    private func start(_ core: inout WorkerCore, _ roster: Roster) -> [WorkerAction] {
        core.handle(.message(control, .start(Start(roster: roster, traceContext: []))), at: 0)
    }

    private func running(lastStep: UInt32 = 3, evaluationBatches: UInt32 = 1) -> WorkerCore {
        var core = prepared(lastStep: lastStep, evaluationBatches: evaluationBatches)
        _ = start(&core, roster(generation: 1))
        _ = core.handle(.linked(peer: "w0", generation: 1), at: 0)
        _ = core.handle(.linked(peer: "w2", generation: 1), at: 0)
        return core
    }

    private func summary(asked: UInt32 = 0, lane: Int? = nil, hashes: [UInt64] = [1, 1, 1]) throws -> RecordSummary {
        let records = hashes.enumerated().map { index, hash in
            ControlRecord(
                lanes: index..<(index + 1), sums: [1, 2], sampleHash: 0,
                firstNonFiniteLane: lane == index ? lane : nil, stateHash: StateHash(high: 0, low: hash),
                askedGeneration: index == 0 ? asked : 0)
        }
        return try RecordSummary(records: records, tree: LaneTree(laneCount: hashes.count), sumCount: 2)
    }

    private func report(_ step: UInt32) -> StepReport {
        StepReport(step: step, epoch: 1, loss: 1, metrics: [], learningRate: 1, samples: 1, seconds: 1)
    }

    private func finished(_ turn: Turn, _ summary: RecordSummary, finite: Bool = true) -> WorkerEvent {
        .turnFinished(turn, summary, gradientIsFinite: finite, gradientBytesSent: 10)
    }

    @Test func inAPairTheLaterDialsTheEarlier() {
        var core = prepared()
        let roster = roster(generation: 1)
        let actions = start(&core, roster)
        #expect(
            actions == [
                .link(Start(roster: roster, traceContext: []), dial: [roster.members[0]])
            ])
        #expect(core.handle(.linked(peer: "w0", generation: 1), at: 0).isEmpty)
        // Of another generation, or twice: nothing.
        #expect(core.handle(.linked(peer: "w2", generation: 2), at: 0).isEmpty)
        #expect(core.handle(.linked(peer: "w0", generation: 1), at: 0).isEmpty)
        #expect(
            core.handle(.linked(peer: "w2", generation: 1), at: 0) == [
                .send(control, .linked(generation: 1)), .begin(Turn(.train, step: 1)),
            ])
    }

    @Test func aStartCountsOnlyAboveRunningAndNotBelowPromised() {
        var core = prepared()
        #expect(start(&core, roster(generation: 0)).isEmpty)
        #expect(core.handle(.message(control, .freeze(generation: 5)), at: 0) == [.hashState])
        _ = core.handle(.stateHashed(hash), at: 0)
        #expect(core.state == .frozen)
        #expect(start(&core, roster(generation: 4)).isEmpty)
        #expect(core.handle(.message(control, .freeze(generation: 5)), at: 0).count == 1)
        #expect(core.handle(.message(control, .freeze(generation: 4)), at: 0).isEmpty)
        #expect(start(&core, roster(generation: 5)).count == 1)
        #expect(start(&core, roster(generation: 5)).isEmpty)
        #expect(core.running == 5)
        // A roster that names another process of this name is not for this one.
        var other = prepared()
        let stranger = Roster.Member(name: "w1", process: ProcessNumber(99), host: "h", ports: [1], lanes: 0..<1)
        let foreign = Roster(
            generation: 1, members: [stranger], startStep: 0, stateHash: hash, exchange: ExchangeSettings())
        #expect(start(&other, foreign).isEmpty)
        // Nor may it start from a state that this worker does not hold.
        var wrong = prepared()
        let actions = start(&wrong, roster(generation: 1, hash: StateHash(high: 0, low: 0)))
        #expect(actions.count == 1 && wrong.state == .halted)
    }

    @Test func onlyTheNewestConnectionIsObeyed() {
        var core = prepared()
        _ = core.handle(.connected(ConnectionNumber(4)), at: 0)
        #expect(core.handle(.message(control, .freeze(generation: 1)), at: 0).isEmpty)
        #expect(core.handle(.connected(ConnectionNumber(2)), at: 0).isEmpty)
        #expect(core.handle(.message(ConnectionNumber(4), .freeze(generation: 1)), at: 0).count == 1)
        #expect(core.handle(.controlLost(control, reason: "x"), at: 0).isEmpty)
        #expect(
            core.handle(.controlLost(ConnectionNumber(4), reason: "reset"), at: 0) == [
                .exit(.temporary, reason: "the coordinator was lost: reset")
            ])
    }

    @Test func aPlannedFreezeComesAfterTheStepInWhichAllAskForIt() throws {
        var core = running()
        let first = Turn(.train, step: 1)
        _ = core.handle(.message(control, .plan(generation: 7)), at: 0)
        #expect(core.handle(.computed(first), at: 0) == [.record(first, askedGeneration: 7)])
        let summary = try summary(asked: 8)
        #expect(core.handle(finished(first, summary), at: 0) == [.apply(first, summary)])
        #expect(
            core.handle(.updated(report(1)), at: 0) == [
                .send(control, .progress(Progress(generation: 1, step: 1, stage: .update, reports: [report(1)]))),
                .hashState,
            ])
        #expect(
            core.handle(.stateHashed(hash), at: 0) == [
                .send(control, .frozen(Frozen(generation: 8, step: 1, hash: hash)))
            ])
        let fetch = Fetch(step: 1, share: 1, count: 3)
        #expect(core.handle(.message(control, .fetch(fetch)), at: 0) == [.sendShare(fetch)])
        // Nobody else's share, and none of another cut.
        for (step, share, count) in [(2, 1, 3), (1, 3, 3), (1, 0, 3), (1, 1, 2), (1, 1, Int.max), (1, -1, 3)] {
            let wrong = Fetch(step: UInt32(step), share: share, count: count)
            #expect(core.handle(.message(control, .fetch(wrong)), at: 0).isEmpty)
        }
    }

    @Test func aPlanOfAnOlderGenerationIsForgotten() {
        var core = prepared()
        _ = core.handle(.message(control, .plan(generation: 7)), at: 0)
        _ = start(&core, roster(generation: 8, members: 2))
        _ = core.handle(.linked(peer: "w0", generation: 8), at: 0)
        _ = core.handle(.message(control, .plan(generation: 8)), at: 0)
        let first = Turn(.train, step: 1)
        #expect(core.handle(.computed(first), at: 0) == [.record(first, askedGeneration: 0)])
    }

    @Test func aFreezeFinishesAnUpdateAndDropsAPartialStep() throws {
        var core = running()
        let first = Turn(.train, step: 1)
        var partial = core
        #expect(partial.handle(.message(control, .freeze(generation: 2)), at: 0) == [.park])
        #expect(partial.handle(.computed(first), at: 0).isEmpty)
        #expect(partial.handle(.parked, at: 0) == [.hashState])
        _ = partial.handle(.stateHashed(hash), at: 0)
        #expect(partial.step == 0 && partial.state == .frozen)
        _ = core.handle(.computed(first), at: 0)
        _ = core.handle(finished(first, try summary()), at: 0)
        #expect(core.handle(.message(control, .freeze(generation: 2)), at: 0).isEmpty)
        _ = core.handle(.updated(report(1)), at: 0)
        _ = core.handle(.stateHashed(hash), at: 0)
        #expect(core.step == 1 && core.state == .frozen)
    }

    @Test func nothingIsAppliedThatIsNotFiniteOrNotAgreed() throws {
        let first = Turn(.train, step: 1)
        var cases: [(WorkerEvent, HaltCause)] = []
        cases.append((finished(first, try summary(lane: 2)), .lossNotFinite(lane: 2)))
        cases.append((finished(first, try summary(), finite: false), .gradientNotFinite))
        let hashes = [1, 2, 1].enumerated().map {
            HaltCause.MemberHash(name: "w\($0)", hash: StateHash(high: 0, low: $1))
        }
        cases.append((finished(first, try summary(lane: 1, hashes: [1, 2, 1])), .hashesDiffer(hashes)))
        for (event, cause) in cases {
            var core = running()
            _ = core.handle(.computed(first), at: 0)
            let halted = Halted(generation: 1, step: 1, cause: cause)
            #expect(core.handle(event, at: 0) == [.send(control, .halted(halted))])
            #expect(core.state == .halted)
        }
    }

    @Test func theLastTurnEndsInDone() throws {
        var core = running(lastStep: 1, evaluationBatches: 2)
        let first = Turn(.train, step: 1)
        _ = core.handle(.computed(first), at: 0)
        _ = core.handle(finished(first, try summary()), at: 0)
        let closing = Turn(.closing, step: 1)
        let actions = core.handle(.updated(report(1)), at: 0)
        #expect(actions.suffix(2) == [.begin(closing), .record(closing, askedGeneration: 0)])
        let batches = (1...2).map { Turn(.evaluation, step: $0) }
        #expect(core.handle(finished(closing, try summary()), at: 0) == [.begin(batches[0])])
        for batch in batches {
            _ = core.handle(.computed(batch), at: 0)
            // A plan that is heard in the last turn stops nothing any more.
            let actions = core.handle(finished(batch, try summary(asked: batch.step == 2 ? 5 : 0)), at: 0)
            if batch.step == 1 { #expect(actions == [.begin(batches[1])]) }
            if batch.step == 2 {
                let done = Done(
                    generation: 1, step: 1, hash: StateHash(high: 0, low: 1), lanesComputed: 1, gradientBytesSent: 40,
                    evaluation: [6, 12], lastEpoch: [3, 6])
                #expect(actions == [.send(control, .done(done))])
            }
        }
        #expect(core.handle(.linkLost(peer: "w0", generation: 1, reason: "closed"), at: 0).isEmpty)
        let release = ControlMessage.release(Release(reason: "finished", exitCode: .success))
        #expect(core.handle(.message(control, release), at: 0) == [.exit(.success, reason: "finished")])
        #expect(core.handle(.message(control, release), at: 0).isEmpty)
    }

    @Test func aMissingOrLostLinkIsReportedOnce() {
        var core = prepared()
        _ = start(&core, roster(generation: 1))
        _ = core.handle(.linked(peer: "w0", generation: 1), at: 0)
        #expect(core.nextDeadline == 25_200_000_000)
        let missing = LinkDown(generation: 1, peer: "w2", reason: "no link after 25 s")
        // Where it is goes first: the lost one cannot be far from there.
        let place = Progress(generation: 1, step: 0, stage: .linking, reports: [])
        #expect(
            core.handle(.tick, at: 25_200_000_000)
                == [.send(control, .progress(place)), .send(control, .linkDown(missing))])
        #expect(core.handle(.linkLost(peer: "w2", generation: 1, reason: "refused"), at: 0).isEmpty)
        #expect(core.handle(.linkLost(peer: "w0", generation: 0, reason: "old"), at: 0).isEmpty)
        #expect(core.handle(.linkLost(peer: "w0", generation: 1, reason: "reset"), at: 0).count == 2)
    }

    @Test func whoIsRefusedOrUnableSaysSoWithItsExitCode() {
        var core = WorkerCore(identity)
        _ = core.handle(.connected(control), at: 0)
        var lost = core
        #expect(lost.handle(.controlLost(control, reason: "refused"), at: 0) == [.dialAgain(reason: "refused")])
        #expect(
            core.handle(.message(control, .refused(reason: "no place")), at: 0) == [.exit(.refused, reason: "no place")]
        )
        var unable = WorkerCore(identity)
        _ = unable.handle(.connected(control), at: 0)
        let welcome = Welcome(
            runIdentifier: "r", incarnation: 1, clusterName: "c", job: "", files: [], traceContext: [])
        _ = unable.handle(.message(control, .welcome(welcome)), at: 0)
        let reason = Unable(exitCode: .usage, message: "x.gz is missing")
        #expect(unable.handle(.unable(reason), at: 0) == [.send(control, .unable(reason))])
        let release = ControlMessage.release(Release(reason: "failed", exitCode: .failed))
        #expect(unable.handle(.message(control, release), at: 0) == [.exit(.usage, reason: "x.gz is missing")])
    }

    @Test func aCoordinatorThatIsNotHeardIsLost() {
        let second: UInt64 = 1_000_000_000
        var core = prepared()
        // The heart beats, and so does every message.
        _ = core.handle(.heard, at: 20 * second)
        _ = core.handle(.message(control, .plan(generation: 9)), at: 45 * second)
        #expect(core.nextDeadline == 75 * second)
        #expect(core.handle(.tick, at: 74 * second).isEmpty)
        #expect(
            core.handle(.tick, at: 75 * second) == [
                .exit(.temporary, reason: "the coordinator has not been heard for 30 s")
            ])
        // Before WELCOME the shell dials for as long as its patience lasts.
        var early = WorkerCore(identity)
        _ = early.handle(.connected(control), at: 0)
        _ = early.handle(.heard, at: 0)
        #expect(early.nextDeadline == nil)
    }

    @Test func anEvaluationGetsOnVisibly() throws {
        var core = running(lastStep: 1, evaluationBatches: 3)
        _ = core.handle(.computed(Turn(.train, step: 1)), at: 0)
        _ = core.handle(finished(Turn(.train, step: 1), try summary()), at: 0)
        _ = core.handle(.updated(report(1)), at: 0)
        let second: UInt64 = 1_000_000_000
        #expect(core.handle(finished(Turn(.closing, step: 1), try summary()), at: second).count == 2)
        _ = core.handle(.computed(Turn(.evaluation, step: 1)), at: 2 * second)
        let actions = core.handle(finished(Turn(.evaluation, step: 1), try summary()), at: 2 * second)
        let progress = Progress(generation: 1, step: 1, stage: .evaluation, reports: [])
        #expect(actions == [.send(control, .progress(progress)), .begin(Turn(.evaluation, step: 2))])
    }

    @Test func reportsGoOutInBatches() throws {
        var core = running(lastStep: 100)
        var sent = 0
        var reports: [UInt32] = []
        for step in 1...50 as ClosedRange<UInt32> {
            let now = UInt64(step) * 10_000_000 + 1_000_000_000
            let turn = Turn(.train, step: step)
            _ = core.handle(.computed(turn), at: now)
            _ = core.handle(finished(turn, try summary()), at: now)
            for action in core.handle(.updated(report(step)), at: now) + core.handle(.tick, at: now) {
                guard case .send(_, .progress(let progress)) = action else { continue }
                sent += 1
                reports += progress.reports.map(\.step)
            }
        }
        #expect(sent == 5)
        #expect(reports == Array(1...UInt32(reports.count)))
    }
}
