import LockstepCluster
import LockstepCollectives
import LockstepCore
import LockstepTestSupport

/// A coordinator and its workers in one thread: the real cores and exchanges, a network in memory whose delays are drawn
/// from the seed. Messages of one connection stay in order, all others overtake each other.
final class ClusterSimulation {
    /// A deliberately wrong shell. The invariants must notice each of them.
    enum Flaw: CaseIterable {
        case none
        /// Two deciders see the same time pass.
        case decidesTwice
        /// The coordinator does not hear of ends, only of lost links.
        case hearsReportersOnly
        case forgetsARelease
        /// One worker does not see that others ask to freeze.
        case deafToPlans
        /// One worker does not see that a loss is not finite.
        case appliesAnyway
        /// Workers report a turn with every pong.
        case claimsToGetOn
        /// Workers' cores are not told of pings.
        case swallowsPings
        /// One worker does not see that another judged differently.
        case deafToJudgements
        /// The coordinator does not look at what was collected before it writes it.
        case trustsShares
        /// The coordinator writes a state that nobody has agreed on yet.
        case writesUnagreed
        /// Who resumes forgets what was judged so far.
        case forgetsTheWatch
        /// One worker does not tell what it measured.
        case keepsAMeasurement
        /// Workers answer a trial before its rounds are over.
        case measuresNothing
    }

    enum Happening {
        case atCoordinator(CoordinatorEvent)
        case coordinatorTick
        case atWorker(Int, WorkerEvent)
        case workerTick(Int)
        case startProcess(Int)
        case computed(Int, Turn)
        case applied(Int, Turn, RecordSummary)
        case judged(Int, [Double])
        case measured(Int, Measured)
        case frame(from: Int, to: Int, FrameHeader, [UInt8])
        case prepared(Int, WorkerPreparation)
        /// The share, the state that it was copied from.
        case share(Int, Fetch, SimulatedState)
        case written(UInt32, SimulatedState)
        case fault(ClusterScenario.Fault)
    }

    let scenario: ClusterScenario
    let flaw: Flaw
    var processes: [SimulatedProcess] = []
    var coordinator: CoordinatorCore
    var outcomes: [CoordinatorAction] = []
    var violations: [String] = []
    var reportedSteps: [UInt32] = []
    var evaluations: [EvaluationReport] = []
    /// What is on the disk.
    var snapshots: [SimulatedState] = []
    let start: SimulatedState
    var crashed: Set<Int> = []
    var hung: Set<Int> = []
    var cuts: [(Int, Int)] = []
    var stoppedIn: CoordinatorCore.Mode?
    var failedIn: CoordinatorCore.Mode?
    /// Trials that all have answered.
    var trials = 0
    private(set) var now: UInt64 = 0

    var random: SeededGenerator
    var queue = EventQueue<Happening>()
    private var lastArrival: [String: UInt64] = [:]
    private var openConnections: Set<ConnectionNumber> = []
    /// For each step whose shares come: what came from whom.
    var collections: [UInt32: [Int: SimulatedState]] = [:]
    /// Complete ones.
    var collected: [UInt32: [SimulatedState]] = [:]
    /// What workers said that all agreed on.
    var agreed: [UInt32: StateHash] = [:]
    var isWriting = false
    private var coordinatorTickAt: UInt64?
    private var workerTickAt: [Int: UInt64] = [:]
    private var hasForgotten = false

    /// - Parameter resumed: a run that ended before its job was done.
    init(
        seed: UInt64, kind: ClusterScenario.Kind? = nil, flaw: Flaw = .none, resuming resumed: ClusterSimulation? = nil
    ) {
        scenario = ClusterScenario(seed: seed, kind: kind, job: resumed?.scenario.job)
        self.flaw = flaw
        let job = scenario.job
        let history = JournalRecord.replay(resumed?.coordinator.journal ?? [])
        let newest = resumed?.snapshots.max { $0.step < $1.step }
        start = newest ?? resumed?.start ?? SimulatedState()
        snapshots = resumed?.snapshots ?? []
        random = SeededGenerator(seed: seed ^ 0xC1)
        let welcome = Welcome(
            runIdentifier: "r", incarnation: history.greatestIncarnation + 1, clusterName: "c", job: "", files: [],
            traceContext: [])
        let point = CoordinatorConfiguration.StartPoint(step: start.step, hash: start.hash)
        coordinator = CoordinatorCore(
            CoordinatorConfiguration(
                workers: scenario.workers, laneCount: job.lanes, elementCount: scenario.elementCount,
                exchange: scenario.wish, version: "1", welcome: welcome,
                start: start.step > 0 ? point : nil, greatestGeneration: history.greatestGeneration,
                snapshotEverySteps: job.snapshotEverySteps, snapshotsBest: job.snapshotsBest,
                snapshotBacklog: scenario.snapshotBacklog))
        for worker in 0..<scenario.workers {
            addProcess("w\(worker)", at: UInt64.random(in: 0...50_000_000, using: &random))
        }
        for fault in scenario.faults {
            switch fault {
            case .crash(_, let time), .hang(_, let time), .cut(_, _, let time), .stop(let time),
                .duplicate(_, let time), .surplus(let time), .stall(_, let time), .bulkLost(_, let time):
                queue.add(.fault(fault), at: time)
            case .unable, .notFinite, .flip, .misjudge, .staleShares, .fullDisk, .wrongSums: break
            }
        }
    }

    func run() {
        while let (time, happening) = queue.next() {
            now = time
            if now > 2_000_000_000_000 {
                violations.append("the run does not end")
                break
            }
            take(happening)
        }
        checkEnd()
    }

    func delay(_ range: ClosedRange<UInt64>) -> UInt64 { UInt64.random(in: range, using: &random) }

    /// A message on its way. What has the same `line` keeps its order.
    func travel(_ happening: Happening, line: String) {
        let arrival = max(lastArrival[line] ?? 0, now + delay(100_000...20_000_000))
        lastArrival[line] = arrival
        queue.add(happening, at: arrival)
    }

    func addProcess(_ name: String, at time: UInt64) {
        processes.append(SimulatedProcess(number: processes.count, name: name))
        queue.add(.startProcess(processes.count - 1), at: time)
    }

    private func take(_ happening: Happening) {
        switch happening {
        case .atCoordinator(let event):
            switch event {
            case .message(let connection, _), .closed(let connection, _):
                guard openConnections.contains(connection) else { return }
                if case .closed = event { openConnections.remove(connection) }
            case .helloReceived(let connection, _, _): openConnections.insert(connection)
            case .stateInvalid, .snapshotFailed: isWriting = false
            default: break
            }
            if case .message(_, .progress(let progress)) = event {
                for state in progress.agreed { agreed[state.step] = state.hash }
            }
            atCoordinator(event)
        case .coordinatorTick:
            coordinatorTickAt = nil
            if flaw == .decidesTwice {
                let copy = coordinator
                atCoordinator(.tick)
                let first = coordinator
                coordinator = copy
                atCoordinator(.tick)
                coordinator = first
            } else {
                atCoordinator(.tick)
            }
        case .atWorker(let index, .message(let connection, .ping(let nonce))):
            guard processes[index].isResponsive else { return }
            travel(.atCoordinator(.message(connection, processes[index].pong(nonce))), line: "from \(connection)")
            if flaw == .claimsToGetOn, let generation = processes[index].core.roster?.generation {
                let progress = Progress(generation: generation, step: 0, stage: .evaluation, reports: [])
                travel(.atCoordinator(.message(connection, .progress(progress))), line: "from \(connection)")
            }
            if flaw != .swallowsPings { atWorker(index, .heard) }
        case .atWorker(let index, let event): atWorker(index, event)
        case .workerTick(let index):
            workerTickAt[index] = nil
            atWorker(index, .tick)
        case .prepared(let index, let preparation):
            guard processes[index].isPresent else { return }
            // The bulk connection is open before the worker says PREPARED; either may arrive first.
            let hello = processes[index].core.identity.hello(.bulk)
            travel(
                .atCoordinator(.helloReceived(processes[index].bulk, authenticatedName: hello.name, hello)),
                line: "from \(processes[index].bulk)")
            atWorker(index, .prepared(preparation))
        case .startProcess(let index):
            processes[index].isAlive = true
            atWorker(index, .connected(processes[index].connection))
        case .computed(let index, let turn):
            guard processes[index].isPresent else { return }
            if turn.hasGradients {
                processes[index].exchange?.bucketReady(0)
                advance(index)
            }
            atWorker(index, .computed(turn))
        case .applied(let index, let turn, let summary):
            guard processes[index].isPresent else { return }
            let epoch = scenario.job.epoch(ofStep: turn.step)
            processes[index].previous = processes[index].state
            processes[index].state.apply(step: turn.step, epoch: epoch, lanes: scenario.job.lanes)
            atWorker(
                index,
                .updated(
                    StepReport(
                        step: turn.step, epoch: epoch, loss: summary.totals[0], metrics: [], learningRate: 1,
                        samples: 1, seconds: 1)))
        case .judged(let index, let sums): judge(index, sums)
        case .measured(let index, let measured): atWorker(index, .measured(measured))
        case .frame(let from, let to, let header, let payload): receive(header, payload, from, to)
        case .share(let index, let fetch, let state): collect(fetch, state, from: index)
        case .written(let step, let state): commit(step, state)
        case .fault(let fault): befall(fault)
        }
    }

    // MARK: The coordinator's shell

    func atCoordinator(_ event: CoordinatorEvent) {
        if flaw == .hearsReportersOnly {
            switch event {
            case .closed, .processEnded: return
            default: break
            }
        }
        let mode = coordinator.mode
        let hadEnded = mode == .ended
        for action in coordinator.handle(event, at: now) {
            if hadEnded {
                guard case .send(_, .release) = action else {
                    violations.append("after the end: \(action)")
                    continue
                }
            }
            if case .fail = action { failedIn = mode }
            carryOut(action)
        }
        if let deadline = coordinator.nextDeadline, deadline < coordinatorTickAt ?? UInt64.max {
            coordinatorTickAt = deadline
            queue.add(.coordinatorTick, at: max(now, deadline))
        }
    }

    private func carryOut(_ action: CoordinatorAction) {
        switch action {
        case .send(let connection, let message):
            if case .release = message, flaw == .forgetsARelease, !hasForgotten {
                hasForgotten = true
                return
            }
            travel(
                .atWorker(SimulatedProcess.number(of: connection), .message(connection, message)),
                line: "to \(connection)")
        case .refuse(let connection, let reason):
            travel(
                .atWorker(
                    SimulatedProcess.number(of: connection), .message(connection, .refused(reason: reason))),
                line: "to \(connection)")
            close(connection)
        case .close(let connection, _): close(connection)
        case .log, .tuned: break
        case .measured(let result):
            if result.members.map(\.name) != coordinator.roster?.members.map(\.name) {
                violations.append("a trial without answers of all")
            }
            trials += 1
        case .workersReady(let roster): check(roster)
        case .collectState(let step, let shares):
            if coordinator.expectedShares(ofStep: step) != shares {
                violations.append("the last shares are not expected")
            }
        case .writeSnapshot(let step, let hash, let isBest): write(step, hash, isBest: isBest)
        case .dropState(let step):
            collections[step] = nil
            collected[step] = nil
        case .report(let reports): reportedSteps += reports.map(\.step)
        case .evaluated(let report):
            if reportedSteps.last ?? start.step < report.step { violations.append("a validation came before its step") }
            evaluations.append(report)
        case .finish, .fail: outcomes.append(action)
        }
    }

    private func close(_ connection: ConnectionNumber) {
        openConnections.remove(connection)
        travel(
            .atWorker(SimulatedProcess.number(of: connection), .controlLost(connection, reason: "closed")),
            line: "to \(connection)")
    }

    private func check(_ roster: Roster) {
        var next = 0
        for lanes in roster.members.map(\.lanes).sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if lanes.lowerBound != next || lanes.isEmpty { violations.append("lanes are not covered once") }
            next = lanes.upperBound
        }
        if next != scenario.job.lanes { violations.append("lanes are not covered once") }
    }

    // MARK: The workers' shells

    func atWorker(_ index: Int, _ event: WorkerEvent) {
        guard processes[index].isPresent else { return }
        for action in processes[index].core.handle(event, at: now) { carryOut(action, index) }
        if let deadline = processes[index].core.nextDeadline, deadline < workerTickAt[index] ?? UInt64.max {
            workerTickAt[index] = deadline
            queue.add(.workerTick(index), at: max(now, deadline))
        }
    }

    private func carryOut(_ action: WorkerAction, _ index: Int) {
        switch action {
        case .send(let connection, let message):
            if case .hello(let hello) = message {
                travel(
                    .atCoordinator(.helloReceived(connection, authenticatedName: hello.name, hello)),
                    line: "from \(connection)")
            } else {
                travel(.atCoordinator(.message(connection, message)), line: "from \(connection)")
            }
        case .dialAgain: violations.append("a connection was lost before WELCOME")
        case .prepare: prepare(index)
        case .linkToMeasure(let measure, let dial): link(index, measure.roster, dial, for: measure)
        case .measure(let measure): begin(measure, index)
        case .link(let start, let dial): link(index, start.roster, dial)
        case .begin(let turn, let isStopping):
            processes[index].exchange?.begin(turn, isStopping: isStopping)
            advance(index)
            if turn.hasBatch { queue.add(.computed(index, turn), at: now + delay(1_000_000...30_000_000)) }
        case .record(let turn, let asked, let judgement, let hashesState):
            record(index, turn, asked, judgement ?? 0, hashesState)
        case .apply(let turn, let summary):
            if processes[index].state.step + 1 != turn.step {
                violations.append("\(turn) was applied to another state")
            }
            if case .notFinite(turn.step, _) = scenario.faults.first { violations.append("\(turn) was applied") }
            queue.add(.applied(index, turn, summary), at: now + delay(100_000...5_000_000))
        case .judge(let sums, let step):
            if processes[index].state.step != step { violations.append("another state was judged") }
            queue.add(.judged(index, sums), at: now + delay(100_000...10_000_000))
        case .copyShare(let fetch, let isBest): copyShare(index, fetch, isBest: isBest)
        case .park: queue.add(.atWorker(index, .parked), at: now + delay(100_000...5_000_000))
        case .hashState:
            let hash = processes[index].state.hash
            queue.add(.atWorker(index, .stateHashed(hash)), at: now + delay(100_000...5_000_000))
        case .sendShare(let fetch):
            if fetch.step != processes[index].state.step { violations.append("a share of another step was sent") }
            processes[index].hasSentShare = true
            sendShare(index, fetch, processes[index].state)
        case .exit(let exitCode, _):
            processes[index].exitCode = exitCode
            end(index, "exit status \(exitCode.rawValue)")
        }
    }

    private func prepare(_ index: Int) {
        let time = now + delay(10_000_000...150_000_000)
        if case .unable(let worker) = scenario.faults.first, processes[index].name == "w\(worker)" {
            queue.add(.atWorker(index, .unable(Unable(exitCode: .usage, message: "a file is missing"))), at: time)
            return
        }
        let job = scenario.job
        // As many as it has cores, or as are asked for.
        let rails = scenario.wish.links ?? processes[index].core.identity.cores
        processes[index].ports = Array(1...rails)
        var state = start
        if flaw == .forgetsTheWatch { state.watch = SimulatedState.Watch() }
        processes[index].state = state
        let preparation = WorkerPreparation(
            planDigest: "d", step: state.step, stateHash: state.hash, lastStep: job.lastStep,
            evaluationBatches: job.evaluationBatches, validation: job.validation, isStopped: state.watch.isStopped,
            isBest: job.snapshotsBest && state.isBest, epoch: state.epoch, epochSums: state.epochSums, host: "h",
            ports: processes[index].ports)
        queue.add(.prepared(index, preparation), at: time)
    }

    private func link(_ index: Int, _ roster: Roster, _ dial: [Roster.Member], for measure: Measure? = nil) {
        let schedule = measure.map { TurnSchedule(trialRounds: ClusterSimulation.rounds(of: $0.trial)) }
        guard let own = roster.index(of: processes[index].name),
            let schedule = schedule ?? processes[index].core.schedule,
            let plan = try? ExchangePlan(
                tree: LaneTree(laneCount: scenario.job.lanes), lanes: roster.members.map(\.lanes), ownIndex: own,
                elementCount: 0, sumCount: 2, settings: ExchangeSettings())
        else { return violations.append("the roster makes no plan") }
        processes[index].exchange = Exchange(plan: plan, generation: roster.generation, schedule: schedule)
        processes[index].held = []
        processes[index].trial = measure
        if dial != Array(roster.members[..<own]) { violations.append("a worker dials the wrong members") }
        for member in roster.members where member.name != processes[index].name {
            guard let peer = process(of: member) else { return violations.append("the roster names nobody") }
            let isCut = cuts.contains { $0 == (index, peer) || $0 == (peer, index) }
            if !processes[peer].isAlive {
                loseLink(index, peer, "connection refused")
            } else if processes[peer].exchange?.generation == roster.generation, !processes[peer].isHung {
                for (one, other) in [(index, peer), (peer, index)] {
                    if isCut {
                        loseLink(one, other, "no route")
                    } else {
                        let event = WorkerEvent.linked(
                            peer: processes[other].name, generation: roster.generation)
                        travel(.atWorker(one, event), line: "link \(other) \(one)")
                    }
                }
            }
        }
    }

    func process(of member: Roster.Member) -> Int? {
        processes.firstIndex { $0.name == member.name && $0.core.identity.process == member.process }
    }

    func loseLink(_ index: Int, _ peer: Int, _ reason: String) {
        guard let generation = processes[index].exchange?.generation else { return }
        travel(
            .atWorker(index, .linkLost(peer: processes[peer].name, generation: generation, reason: reason)),
            line: "link \(peer) \(index)")
    }

    private func record(_ index: Int, _ turn: Turn, _ asked: UInt32, _ judgement: UInt64, _ hashesState: Bool) {
        guard let plan = processes[index].exchange?.plan else { return }
        var bad: Int?
        switch scenario.faults.first {
        case .notFinite(turn.step, let lane) where turn.hasGradients && plan.lanes[plan.ownIndex].contains(lane):
            bad = lane
        case .flip(let worker, turn.step) where turn.hasGradients && processes[index].name == "w\(worker)":
            processes[index].state.isFlipped = true
        default: break
        }
        let state = processes[index].state
        let sums: [Double] = plan.ownRoots.flatMap { scenario.job.sums(turn, state, lanes: $0.lanes) }
        let record = ControlRecord(
            lanes: plan.lanes[plan.ownIndex], sums: sums, sampleHash: judgement, firstNonFiniteLane: bad,
            stateHash: hashesState ? state.hash : StateHash(high: 0, low: 0), askedGeneration: asked)
        processes[index].exchange?.recordReady(record)
        advance(index)
    }

    /// Carries out what the exchange wants.
    func advance(_ index: Int) {
        guard let exchange = processes[index].exchange, let roster = processes[index].core.roster else { return }
        while let action = processes[index].exchange?.nextAction() {
            switch action {
            case .send(let member, let header, .record(let payload)):
                guard let peer = process(of: roster.members[member]) else { continue }
                if cuts.contains(where: { $0 == (index, peer) || $0 == (peer, index) }) { continue }
                travel(.frame(from: index, to: peer, header, payload), line: "link \(index) \(peer)")
            case .send, .reduce: violations.append("an empty gradient was sent")
            case .bucketFinished, .resume: break
            case .finished(let turn, _) where turn.phase == .trial: finished(turn, index)
            case .finished(let turn, var records):
                if index == 0, flaw == .deafToPlans {
                    for member in records.indices { records[member].askedGeneration = 0 }
                }
                if index == 0, flaw == .appliesAnyway {
                    for member in records.indices { records[member].firstNonFiniteLane = nil }
                }
                if index == 0, flaw == .deafToJudgements {
                    for member in records.indices { records[member].sampleHash = 0 }
                }
                guard let summary = try? RecordSummary(records: records, tree: exchange.plan.tree, sumCount: 2) else {
                    violations.append("the records make no summary")
                    continue
                }
                let expected = scenario.job.sums(turn, processes[index].state, lanes: 0..<scenario.job.lanes)
                if summary.totals[0] != expected[0], summary.agreedHash != nil {
                    violations.append("a lane was not summed once")
                }
                let event = WorkerEvent.turnFinished(turn, summary, gradientIsFinite: true, gradientBytesSent: 0)
                queue.add(.atWorker(index, event), at: now)
            }
        }
    }

    func receive(_ header: FrameHeader, _ payload: [UInt8], _ from: Int, _ to: Int) {
        guard processes[to].isResponsive, let roster = processes[to].core.roster,
            let member = roster.index(of: processes[from].name)
        else { return }
        guard !processes[to].held.contains(where: { $0.from == from }) else {
            return processes[to].held.append((from, header, payload))
        }
        do {
            guard try processes[to].exchange?.willReceive(header, from: member) != .later else {
                return processes[to].held.append((from, header, payload))
            }
            try processes[to].exchange?.didReceiveRecord(payload, header, from: member)
            advance(to)
        } catch { violations.append("a frame was refused: \(error)") }
    }
}
