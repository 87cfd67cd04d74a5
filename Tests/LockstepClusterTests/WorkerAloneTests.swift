import LockstepCluster
import LockstepCollectives
import LockstepCore
import Testing

@Suite struct WorkerAloneTests {
    private let control = ConnectionNumber(1)
    private let hash = StateHash(high: 1, low: 2)
    private let noHash = StateHash(high: 0, low: 0)

    private func summary(_ hash: StateHash) throws -> RecordSummary {
        try RecordSummary(
            records: [ControlRecord(lanes: 0..<1, sums: [1, 2], sampleHash: 0, stateHash: hash)],
            tree: LaneTree(laneCount: 1), sumCount: 2)
    }

    private func report(_ step: UInt32) -> StepReport {
        StepReport(step: step, epoch: 1, loss: 1, metrics: [], learningRate: 1, samples: 1, seconds: 1)
    }

    private func running(members: Int) -> WorkerCore {
        var core = WorkerCore(
            WorkerIdentity(
                name: "w0", process: ProcessNumber(10), host: "h", processIdentifier: 1, version: "1",
                instructionSet: "avx2", threads: 1))
        _ = core.handle(.connected(control), at: 0)
        let welcome = Welcome(
            runIdentifier: "r", incarnation: 1, clusterName: "c", job: "", files: [], traceContext: [])
        _ = core.handle(.message(control, .welcome(welcome)), at: 0)
        let preparation = WorkerPreparation(
            planDigest: "d", probe: hash, state: TestWorker.held(hash: hash), lastStep: 3, evaluationBatches: 0,
            host: "h", ports: [1])
        _ = core.handle(.prepared(preparation), at: 0)
        let roster = Roster(
            generation: 1,
            members: (0..<members).map {
                Roster.Member(
                    name: "w\($0)", process: ProcessNumber(UInt64($0) + 10), host: "h", ports: [$0],
                    lanes: $0..<($0 + 1))
            }, startStep: 0, stateHash: hash, exchange: ExchangeSettings())
        _ = core.handle(
            .message(control, .start(Start(roster: roster, snapshotEverySteps: 2, traceContext: []))), at: 0)
        for member in 1..<max(1, members) { _ = core.handle(.linked(peer: "w\(member)", generation: 1), at: 0) }
        return core
    }

    @Test func aLoneWorkerHashesWhereASnapshotOrTheEndNeedsIt() throws {
        var core = running(members: 1)
        for step in 1...3 as ClosedRange<UInt32> {
            let turn = Turn(.train, step: step)
            // Step 3 tells what S(2) was, of which a share was put aside.
            let isHashed = step == 3
            #expect(core.handle(.computed(turn), at: 0) == [.record(turn, askedGeneration: 0, hashesState: isHashed)])
            let summary = try summary(isHashed ? hash : noHash)
            let actions = core.handle(
                .turnFinished(turn, summary, gradientIsFinite: true, gradientBytesSent: 0), at: 0)
            #expect(actions.last == .apply(turn, summary))
            if isHashed {
                guard case .send(_, .progress(let progress)) = actions.first else {
                    Issue.record("nothing is reported")
                    return
                }
                #expect(progress.agreed == [AgreedState(step: 2, hash: hash, isBest: false)])
            }
            let after = core.handle(.updated(report(step)), at: 0)
            #expect(after.contains { if case .copyShare = $0 { true } else { false } } == (step == 2))
        }
        // The closing turn has begun, and its record has the hash of S(3).
        let closing = Turn(.closing, step: 3)
        #expect(core.state == .exchanging(closing))
        let actions = core.handle(
            .turnFinished(closing, try summary(hash), gradientIsFinite: true, gradientBytesSent: 0), at: 0)
        guard case .send(_, .done(let done)) = actions.last else {
            Issue.record("not done")
            return
        }
        #expect(done.hash == hash)
    }

    /// The canary: two workers compare in every step.
    @Test func workersThatCanCompareHashEveryStep() {
        var core = running(members: 2)
        let turn = Turn(.train, step: 1)
        #expect(core.handle(.computed(turn), at: 0) == [.record(turn, askedGeneration: 0, hashesState: true)])
    }
}
