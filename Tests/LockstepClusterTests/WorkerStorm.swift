import LockstepCluster
import LockstepCollectives
import LockstepCore
import LockstepTestSupport

/// Random events to one worker's core, and what must hold after each.
struct WorkerStorm {
    /// What a wrong core would do, put in front of the checks.
    enum Flaw: CaseIterable {
        /// An update after the worker has said that it stands still.
        case updatesWhileFrozen
        /// A second FROZEN of one number says something else.
        case answersTwice
        /// A step back that no copy explains.
        case fallsBack
        /// A generation below the promised one begins.
        case startsBelowPromise
        /// An observer takes what is fed although it has said that it stands still.
        case observesWhileFrozen
        /// An observer takes whatever is fed.
        case trustsFeeds
    }

    var worker: TestWorker
    private(set) var flaws: [String] = []
    /// Where the worker has been, if that is asked for.
    private(set) var states: Set<String> = []
    private let notesStates: Bool

    private let flaw: Flaw?
    var random: SeededGenerator
    /// What the shell has been told to do and has not answered.
    private var owed: [WorkerAction] = []
    private var answers: [UInt32: Frozen] = [:]
    private var greatest: UInt32 = 0
    private var roster: Roster?
    private var connections = 1
    private var incarnation: UInt32 = 1
    /// What the state hashes to. One in many changes under way.
    var hash: UInt64 = 1
    var feeds = StormFeeds()

    init(seed: UInt64, flaw: Flaw? = nil, notesStates: Bool = false) {
        random = SeededGenerator(seed: seed)
        self.flaw = flaw
        self.notesStates = notesStates
        worker = TestWorker()
        worker.core.rules.observesWhileFrozen = flaw == .observesWhileFrozen
        worker.core.rules.trustsFeeds = flaw == .trustsFeeds
    }

    mutating func run(events: Int) throws {
        for _ in 0..<events where worker.core.state != .ended {
            worker.now += UInt64.random(in: 0..<300_000_000, using: &random)
            try happen()
        }
    }

    // MARK: Events

    private mutating func happen() throws {
        switch Int.random(in: 0..<24, using: &random) {
        case 20...23: feed()
        case 0..<12:
            // A shell answers in any order.
            guard let index = owed.indices.randomElement(using: &random) else { return try speak() }
            let action = owed.remove(at: index)
            for event in try answer(action) { hear(event) }
        case 12..<17: try speak()
        case 17:
            let peer = "w\(Int.random(in: 0..<4, using: &random))"
            hear(.linkLost(peer: peer, generation: near(worker.core.running), reason: "reset"))
        case 18: reconnect()
        default: hear(.tick)
        }
    }

    mutating func near(_ number: UInt32) -> UInt32 {
        UInt32(clamping: Int(number) + Int.random(in: -1...2, using: &random))
    }

    /// What a coordinator says.
    private mutating func speak() throws {
        let next = max(greatest, worker.core.promised) + 1
        let generation = Int.random(in: 0..<4, using: &random) == 0 ? near(worker.core.promised) : next
        greatest = max(greatest, generation)
        switch Int.random(in: 0..<10, using: &random) {
        case 0, 1: hear(message: .freeze(Freeze(generation: generation)))
        case 2:
            let members = makeRoster(max(1, generation)).members.map(\.address)
            hear(message: .plan(PlannedChange(generation: generation, members: members)))
        case 3...6:
            // The one that was promised, mostly.
            let number = Int.random(in: 0..<3, using: &random) == 0 ? generation : worker.core.promised
            greatest = max(greatest, number)
            hear(message: .start(TestWorker.start(makeRoster(max(1, number)), snapshotEverySteps: 2)))
        case 7:
            let trial = Trial(settings: ExchangeSettings(), elementCount: 8, rounds: 1, warmUpRounds: 0)
            let number = Int.random(in: 0..<3, using: &random)
            hear(
                message: .measure(
                    Measure(roster: worker.core.roster ?? makeRoster(generation), trial: trial, number: number)))
            hear(message: .measure(Measure(roster: makeRoster(max(generation, 1)), trial: trial, number: 0)))
        case 8: hear(message: TestWorker.welcome(incarnation: near(incarnation)))
        case 9 where Bool.random(using: &random):
            let address = WorkerAddress(name: "w5", process: ProcessNumber(15), host: "h", ports: [1])
            hear(message: .feed(Feed(observer: address)))
            hear(message: .preflight(Preflight(generation: generation, members: [address])))
        default: hear(.heard(reportedStep: worker.core.step))
        }
    }

    private mutating func makeRoster(_ generation: UInt32) -> Roster {
        let start =
            Int.random(in: 0..<3, using: &random) > 0
            ? worker.core.point
            : StatePoint(step: UInt32.random(in: 0...6, using: &random), isJudged: Bool.random(using: &random))
        let isHolder = start == worker.core.point
        return TestWorker.roster(
            generation, start: start, hash: StateHash(high: 0, low: hash),
            members: Int.random(in: 2...4, using: &random),
            holders: isHolder ? nil : ["w0"],
            distrusted: Int.random(in: 0..<8, using: &random) == 0 ? [ProcessNumber(11)] : [])
    }

    private mutating func reconnect() {
        if Bool.random(using: &random) { hear(.controlLost(worker.connection, reason: "reset")) }
        connections += 1
        worker.connection = ConnectionNumber(connections)
        hear(.connected(worker.connection))
        if Int.random(in: 0..<8, using: &random) > 0 {
            if Int.random(in: 0..<4, using: &random) == 0 { incarnation += 1 }
            hear(message: TestWorker.welcome(incarnation: incarnation))
        }
    }

    // MARK: The shell

    private mutating func answer(_ action: WorkerAction) throws -> [WorkerEvent] {
        switch action {
        case .prepare:
            return [
                .prepared(
                    TestWorker.preparation(
                        lastStep: 6, evaluationBatches: 1, validation: .init(batches: 2, stepsPerEpoch: 2)))
            ]
        case .link(let start): return links(start.roster)
        case .linkToMeasure(let measure): return links(measure.roster)
        case .measure(let measure):
            return [.measured(Measured(generation: measure.roster.generation, number: measure.number, seconds: [1]))]
        case .level(let roster):
            if Int.random(in: 0..<5, using: &random) == 0 { return [.levellingFailed(peer: "w0", reason: "closed")] }
            hash = roster.stateHash.low
            var held = TestWorker.held(roster.start.step, isJudged: roster.start.isJudged)
            held.holding.hash = roster.stateHash
            return [.levelled(held)]
        case .begin(let turn, _): return turn.hasBatch ? [.computed(turn)] : []
        case .record(let turn, let asked, let judgement, let isHashed):
            let members = worker.core.roster?.members.count ?? 1
            var hashes = [UInt64](repeating: hash, count: members)
            if Int.random(in: 0..<30, using: &random) == 0 { hashes[0] += 1 }
            let summary = try TestWorker.summary(
                asked: asked, lane: Int.random(in: 0..<60, using: &random) == 0 ? 0 : nil, hashes: hashes,
                samples: [UInt64](repeating: judgement ?? 0, count: members))
            return [
                .recorded(turn, isHashed ? StateHash(high: 0, low: hash) : nil), TestWorker.finished(turn, summary),
            ]
        case .apply(let turn, _):
            hash += 1
            return [.updated(TestWorker.report(turn.step, epoch: (turn.step + 1) / 2))]
        case .judge:
            return [.judged(isStopping: Int.random(in: 0..<9, using: &random) == 0, snapshots: true, watchHash: 8)]
        case .park:
            // Whatever else was to be done is dropped.
            owed = owed.filter { if case .take = $0 { true } else { false } }
            return [.parked(waitingFor: Bool.random(using: &random) ? ["w0"] : [])]
        case .reach(let members, _):
            return [.reached(outOfReach: members.prefix(Int.random(in: 0...1, using: &random)).map(\.name))]
        case .hashState:
            if Int.random(in: 0..<40, using: &random) == 0 { hash += 1000 }
            return [.stateHashed(StateHash(high: 0, low: hash), whole: StateHash(high: 0, low: hash))]
        case .auditLane(let turn, _): return [.laneAudited(turn, 7)]
        case .preflight(let preflight):
            return [
                .preflighted(generation: preflight.generation, outOfReach: Bool.random(using: &random) ? [] : ["w0"])
            ]
        case .take(let item, let feed): return [taken(item, feed)]
        case .send, .dialAgain, .closeConnection, .serve, .copyShare, .sendShare, .exit, .feed, .endFeeds, .dropFeed,
            .linkAhead:
            return []
        }
    }

    private mutating func links(_ roster: Roster) -> [WorkerEvent] {
        let events = roster.members.map { WorkerEvent.linked(peer: $0.name, generation: roster.generation) }
        return Int.random(in: 0..<5, using: &random) == 0 ? Array(events.dropFirst()) : events
    }

    // MARK: Checks

    mutating func hear(message: ControlMessage) { hear(.message(worker.connection, message)) }

    mutating func hear(_ event: WorkerEvent) {
        let before = worker.core
        var actions = worker.event(event)
        if notesStates { states.insert(String("\(worker.core.state)".prefix { $0 != "(" })) }
        spoil(&actions)
        owed += actions.deeds
        check(event, actions, before)
    }

    private mutating func check(_ event: WorkerEvent, _ actions: [WorkerAction], _ before: WorkerCore) {
        let core = worker.core
        func flawed(_ what: String) { flaws.append("\(what) after \(event) in \(before.state): \(actions)") }
        if before.state == .ended, !actions.isEmpty { flawed("a word after the end") }
        if core.running < before.running || core.promised < before.promised { flawed("a number that falls") }
        if core.promised < core.running { flawed("less promised than running") }
        var isCopied = false
        switch event {
        case .levelled, .fedTaken(_, .copied, _): isCopied = true
        default: break
        }
        let isLower = core.point < before.point || flaw == .fallsBack && before.step > 2 && actions.isEmpty
        if isLower, !isCopied { flawed("a step back") }
        if core.step > before.step + 1, !isCopied { flawed("steps left out") }
        for flaw in feeds.flaws(event, actions, before, core) { flawed(flaw) }
        for action in actions {
            switch action {
            case .link, .linkToMeasure, .measure, .level, .serve, .begin, .record, .apply, .judge, .copyShare:
                if core.promised > core.running { flawed("work against a promise") }
                if [.frozen, .halted, .done, .prepared].contains(core.state) { flawed("work while it stands still") }
            case .send(let connection, .frozen(let frozen)):
                if connection != worker.connection { flawed("a word on an old connection") }
                if let known = answers[frozen.generation], known != frozen { flawed("a second answer") }
                answers[frozen.generation] = frozen
                if frozen.generation < core.promised { flawed("an answer below the promise") }
                if let holding = frozen.holding, holding.point != core.point { flawed("another state") }
            case .send(let connection, _):
                if connection != worker.connection { flawed("a word on an old connection") }
            case .dialAgain, .closeConnection, .prepare, .park, .reach, .hashState, .sendShare, .exit, .auditLane,
                .linkAhead, .preflight, .feed, .endFeeds, .take, .dropFeed:
                break
            }
            if case .link(let start) = action {
                let generation = start.roster.generation
                if generation <= before.running || generation < before.promised {
                    flawed("a START that must not be obeyed")
                }
            }
        }
    }

    private func spoil(_ actions: inout [WorkerAction]) {
        switch flaw {
        case nil, .fallsBack, .observesWhileFrozen, .trustsFeeds: return
        case .updatesWhileFrozen:
            if worker.core.state == .frozen, let summary = try? TestWorker.summary() {
                actions.append(.apply(Turn(.train, step: 1), summary))
            }
        case .answersTwice:
            guard let frozen = actions.frozen, answers[frozen.generation] != nil else { return }
            var other = frozen
            other.isBest.toggle()
            actions.append(.send(worker.connection, .frozen(other)))
        case .startsBelowPromise:
            guard worker.core.promised > 2, worker.core.promised == worker.core.running else { return }
            actions.append(.link(TestWorker.start(TestWorker.roster(1))))
        }
    }
}
