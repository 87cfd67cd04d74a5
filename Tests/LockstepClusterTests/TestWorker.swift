import LockstepCluster
import LockstepCollectives
import LockstepCore

/// The core of worker w1, whose shell and coordinator the test plays: it says everything that the core hears.
struct TestWorker {
    static let control = ConnectionNumber(1)
    static let hash = StateHash(high: 0, low: 1)
    static let identity = WorkerIdentity(
        name: "w1", process: ProcessNumber(11), host: "h", processIdentifier: 1, version: "1", instructionSet: "avx2",
        threads: 1)

    var core: WorkerCore
    var now: UInt64 = 0
    var connection = TestWorker.control

    /// One that has connected.
    init(timing: WorkerCore.Timing = WorkerCore.Timing()) {
        core = WorkerCore(TestWorker.identity, timing: timing)
        _ = event(.connected(connection))
    }

    mutating func event(_ event: WorkerEvent) -> [WorkerAction] { core.handle(event, at: now) }

    mutating func say(_ message: ControlMessage) -> [WorkerAction] { event(.message(connection, message)) }

    func sent(_ message: ControlMessage) -> WorkerAction { .send(connection, message) }

    // MARK: Ready to work

    static func welcome(run: String = "r", incarnation: UInt32 = 1, reportedStep: UInt32 = 0) -> ControlMessage {
        .welcome(
            Welcome(
                runIdentifier: run, incarnation: incarnation, clusterName: "c", job: "", files: [],
                reportedStep: reportedStep, traceContext: []))
    }

    static func held(
        _ step: UInt32 = 0, isJudged: Bool = true, hash: StateHash = hash, wholeHash: StateHash? = nil
    ) -> HeldState {
        HeldState(
            holding: Holding(
                point: StatePoint(step: step, isJudged: isJudged), hash: hash, wholeHash: wholeHash ?? hash))
    }

    static func preparation(
        _ state: HeldState = held(), lastStep: UInt32 = 3, evaluationBatches: UInt32 = 0,
        validation: TurnSchedule.Validation? = nil
    ) -> WorkerPreparation {
        WorkerPreparation(
            planDigest: "d", probe: hash, state: state, lastStep: lastStep, evaluationBatches: evaluationBatches,
            validation: validation, host: "h", ports: [1])
    }

    /// One that has said PREPARED.
    static func prepared(
        _ preparation: WorkerPreparation = preparation(), timing: WorkerCore.Timing = WorkerCore.Timing()
    ) -> TestWorker {
        var worker = TestWorker(timing: timing)
        _ = worker.say(welcome())
        _ = worker.event(.prepared(preparation))
        return worker
    }

    /// One whose generation goes on.
    static func running(
        _ preparation: WorkerPreparation = preparation(), members: Int = 3, snapshotEverySteps: UInt32 = 0
    ) -> TestWorker {
        var worker = prepared(preparation)
        let roster = roster(
            1, start: preparation.state.holding.point, hash: preparation.state.holding.hash, members: members)
        _ = worker.start(roster, snapshotEverySteps: snapshotEverySteps)
        return worker
    }

    static func roster(
        _ generation: UInt32, start: StatePoint = StatePoint(step: 0), hash: StateHash = hash,
        wholeHash: StateHash? = nil, members: Int = 3, holders: [String]? = nil, distrusted: [ProcessNumber] = [],
        patience: Int = 1, exchange: ExchangeSettings = ExchangeSettings()
    ) -> Roster {
        Roster(
            generation: generation,
            members: (0..<members).map {
                Roster.Member(
                    name: "w\($0)", process: ProcessNumber(UInt64($0) + 10), host: "h", ports: [1, 2],
                    lanes: $0..<($0 + 1))
            }, start: start, stateHash: hash, wholeHash: wholeHash, holders: holders, distrusted: distrusted,
            patience: patience, exchange: exchange)
    }

    static func start(_ roster: Roster, snapshotEverySteps: UInt32 = 0) -> Start {
        Start(roster: roster, snapshotEverySteps: snapshotEverySteps, traceContext: [])
    }

    /// START, and all links.
    mutating func start(_ roster: Roster, snapshotEverySteps: UInt32 = 0) -> [WorkerAction] {
        say(.start(TestWorker.start(roster, snapshotEverySteps: snapshotEverySteps))) + link(roster)
    }

    mutating func link(_ roster: Roster) -> [WorkerAction] {
        roster.members.filter { $0.name != "w1" }.flatMap {
            event(.linked(peer: $0.name, generation: roster.generation))
        }
    }

    // MARK: Turns

    static func summary(
        asked: UInt32 = 0, lane: Int? = nil, hashes: [UInt64] = [1, 1, 1], samples: [UInt64]? = nil,
        sums: [Double] = [1, 2]
    ) throws -> RecordSummary {
        let records = hashes.enumerated().map { index, hash in
            ControlRecord(
                lanes: index..<(index + 1), sums: sums, sampleHash: samples?[index] ?? 0,
                firstNonFiniteLane: lane == index ? lane : nil, stateHash: StateHash(high: 0, low: hash),
                askedGeneration: index == 0 ? asked : 0)
        }
        return try RecordSummary(
            records: records, tree: LaneTree(laneCount: hashes.count), sumCount: sums.count)
    }

    static func report(_ step: UInt32, epoch: UInt32 = 1) -> StepReport {
        StepReport(step: step, epoch: epoch, loss: 1, metrics: [], learningRate: 1, samples: 1, seconds: 1)
    }

    /// A report with what the core adds.
    static func told(_ step: UInt32, generation: UInt32 = 1, members: Int = 3) -> StepReport {
        var report = report(step)
        report.generation = generation
        report.sampleHashes = [UInt64](repeating: 0, count: members)
        return report
    }

    static func finished(_ turn: Turn, _ summary: RecordSummary, isFinite: Bool = true) -> WorkerEvent {
        .turnFinished(turn, summary, gradientIsFinite: isFinite, gradientBytesSent: 10)
    }

    /// Computes and exchanges a turn, up to its end.
    mutating func finish(_ turn: Turn, _ summary: RecordSummary) -> [WorkerAction] {
        (turn.hasBatch ? event(.computed(turn)) : []) + event(.recorded(turn, TestWorker.hash))
            + event(TestWorker.finished(turn, summary))
    }

    /// A whole training step.
    mutating func step(_ step: UInt32, asked: UInt32 = 0, members: Int = 3) throws -> [WorkerAction] {
        let summary = try TestWorker.summary(asked: asked, hashes: [UInt64](repeating: 1, count: members))
        return finish(Turn(.train, step: step), summary) + event(.updated(TestWorker.report(step)))
    }

    // MARK: Freezes

    mutating func freeze(_ generation: UInt32) -> [WorkerAction] { say(.freeze(Freeze(generation: generation))) }

    /// The rest of a freeze, whatever the core wants done for it.
    mutating func standStill(
        _ actions: [WorkerAction], waitingFor: [String] = [], outOfReach: [String] = [], hash: StateHash = hash,
        wholeHash: StateHash? = nil
    ) -> Frozen? {
        var actions = actions
        for _ in 0..<4 {
            switch actions.last {
            case .park: actions = event(.parked(waitingFor: waitingFor))
            case .reach: actions = event(.reached(outOfReach: outOfReach))
            case .hashState: actions = event(.stateHashed(hash, whole: wholeHash ?? hash))
            default: return actions.frozen
            }
        }
        return actions.frozen
    }
}

extension [WorkerAction] {
    var messages: [ControlMessage] {
        compactMap { if case .send(_, let message) = $0 { message } else { nil } }
    }

    var frozen: Frozen? { messages.compactMap { if case .frozen(let frozen) = $0 { frozen } else { nil } }.last }

    var done: Done? { messages.compactMap { if case .done(let done) = $0 { done } else { nil } }.last }

    var halted: Halted? { messages.compactMap { if case .halted(let halted) = $0 { halted } else { nil } }.last }

    var progress: [Progress] {
        messages.compactMap { if case .progress(let progress) = $0 { progress } else { nil } }
    }

    /// The steps of all reports.
    var reported: [UInt32] { progress.flatMap { $0.reports.map(\.step) } }

    /// All but what is said to the coordinator.
    var deeds: [WorkerAction] { filter { if case .send = $0 { false } else { true } } }

    var exit: ExitCode? {
        compactMap { if case .exit(let code, _) = $0 { code } else { nil } }.first
    }
}
