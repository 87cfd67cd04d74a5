import LockstepCollectives
import LockstepCore
import LockstepTestSupport

/// Workers that exchange over links in memory. Chance decides who goes next: a driver, a rail that hears of its driver, a
/// link that hands a frame over, a link that delivers a piece of one.
///
/// Payloads are read from the sender's memory only when they are handed over, and the roots are overwritten as soon as a
/// turn begins: what the core says about memory being free is tested too.
final class ExchangeSimulation {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    enum Outcome: Equatable {
        /// All members have finished all turns.
        case complete
        /// Nothing moves any more.
        case standstill
        /// A core refused a frame.
        case refused(ExchangeFault)
    }

    /// What happened, to see that the interesting things do.
    struct Coverage {
        var holds = 0
        var sums = 0
        var reductions = 0
        var earlyFrames = 0
        /// By how many turns a member was ahead of another at most.
        var greatestLead = 0
        var disturbances = 0
    }

    let scenario: ExchangeScenario
    let oracle: ExchangeOracle
    let members: [SimulatedMember]
    private let links: [SimulatedLink]
    private let railCount: Int
    /// Of eight chances how many a member takes.
    private let speeds: [Int]
    var random: SeededGenerator
    private var runnable: RunnableSet
    /// The frame, counted over all links, that the disturbance befalls.
    var framesUntilDisturbance: Int
    var coverage = Coverage()
    /// Whether a stale frame came again.
    var repeatedFrame = false

    init(_ scenario: ExchangeScenario) throws {
        var random = SeededGenerator(seed: scenario.seed)
        // Any cut of the lanes will do, in any order of members.
        let cuts =
            [0] + (1..<max(2, scenario.laneCount)).shuffled(using: &random).prefix(scenario.workers - 1).sorted()
            + [scenario.laneCount]
        let ranges = (0..<scenario.workers).map { cuts[$0]..<cuts[$0 + 1] }.shuffled(using: &random)
        let tree = LaneTree(laneCount: scenario.laneCount)
        self.scenario = scenario
        let count = ranges.count
        members = try ranges.indices.map { index in
            SimulatedMember(
                index: index,
                plans: try ExchangePlan.rails(
                    tree: tree, lanes: ranges, ownIndex: index, elementCount: scenario.elementCount, sumCount: 3,
                    settings: scenario.settings),
                schedule: scenario.schedule)
        }
        oracle = ExchangeOracle(scenario, plan: members[0].plan, &random)
        let rails = scenario.settings.links
        railCount = rails
        links = (0..<rails * count * count).map { number in
            SimulatedLink(from: number / count % count, to: number % count, rail: number / count / count)
        }
        speeds = ranges.map { _ in 1 + random.below(8) }
        framesUntilDisturbance = scenario.disturbance == nil ? .max : 1 + random.below(60)
        runnable = RunnableSet(capacity: count * (1 + rails) + 2 * rails * count * count)
        self.random = random
        for member in members.indices { runnable.set(member, true) }
    }

    /// Runs to the end.
    ///
    /// - Throws: `Failure` when a total is not the tree's, or other sums of records were made.
    func run() throws -> Outcome {
        while !runnable.items.isEmpty {
            do { try step(pick()) } catch let fault as ExchangeFault { return .refused(fault) }
        }
        let turns = oracle.turns
        guard members.allSatisfy({ $0.finishedTurns == turns.count }) else { return .standstill }
        let sums = turns.count { $0.hasGradients }
        for rail in members.flatMap(\.rails) {
            let plan = rail.core.plan
            guard
                rail.bytesSent == sums * plan.gradientBytesPerStep,
                rail.framesSent == sums * plan.gradientFramesPerStep,
                rail.bucketsFinished == sums * plan.buckets.ranges.count(where: { !$0.isEmpty })
            else {
                throw Failure(
                    description: "a rail sent \(rail.bytesSent) bytes in \(rail.framesSent) frames and finished "
                        + "\(rail.bucketsFinished) buckets, which its plan does not say")
            }
        }
        return .complete
    }

    /// Whether a link waits for a place of its frame.
    var isHeld: Bool { links.contains { $0.isHeld } }

    /// For each member that has not finished, whether its cores say for whom they wait.
    var standstillIsExplained: Bool {
        members.allSatisfy { member in
            member.stage != .waiting || member.rails.contains { !$0.core.waitingFor.isEmpty }
                || links.contains { $0.from == member.index && !$0.queue.isEmpty }
        }
    }

    // MARK: Who is next

    private func pick() -> Int {
        let count = members.count
        var agent = 0
        for _ in 0..<4 {
            agent = runnable.items[random.below(runnable.items.count)]
            var member = agent
            if agent >= count * (1 + railCount) {
                let number = agent - count * (1 + railCount)
                member = number % 2 == 0 ? links[number / 2].from : links[number / 2].to
            } else if agent >= count {
                member = (agent - count) / railCount
            }
            if random.below(8) < speeds[member] { break }
        }
        return agent
    }

    private func step(_ agent: Int) throws {
        let count = members.count
        if agent < count { return try drive(members[agent]) }
        let number = agent - count * (1 + railCount)
        if number < 0 { return try hear(members[(agent - count) / railCount], (agent - count) % railCount) }
        if number % 2 == 0 { try handOver(links[number / 2]) } else { try deliver(links[number / 2]) }
    }

    func update(_ link: SimulatedLink) {
        let count = members.count
        let agent = count * (1 + railCount) + 2 * ((link.rail * count + link.from) * count + link.to)
        runnable.set(agent, !link.queue.isEmpty && !link.isCut)
        runnable.set(agent + 1, !link.wire.isEmpty && !link.isHeld)
    }

    private func link(from: Int, to: Int, _ rail: Int) -> SimulatedLink {
        links[(rail * members.count + from) * members.count + to]
    }

    // MARK: Drivers

    private func drive(_ member: SimulatedMember) throws {
        switch member.stage {
        case .idle: try begin(member)
        case .computing: compute(member)
        case .waiting:
            member.finishedTurns += 1
            member.stage = .idle
            let finished = members.map(\.finishedTurns)
            coverage.greatestLead = max(coverage.greatestLead, (finished.max() ?? 0) - (finished.min() ?? 0))
            // At the end nobody begins, so nobody looks at the last total again.
            if member.finishedTurns == oracle.turns.count { try oracle.check(member, turn: member.finishedTurns - 1) }
        }
        let isOver = member.stage == .idle && member.finishedTurns == oracle.turns.count
        runnable.set(member.index, !isOver && (member.stage != .waiting || member.railsLeft == 0))
    }

    private func begin(_ member: SimulatedMember) throws {
        guard let turn = member.rails[0].core.turn else { return }
        if member.finishedTurns > 0, scenario.flaw != .lateReading {
            try oracle.check(member, turn: member.finishedTurns - 1)
        }
        var isStopping = turn.phase == .decision && turn.step == scenario.stopsAfter
        if scenario.flaw == .judgesAlone, member.index == 0, turn.phase == .decision { isStopping.toggle() }
        member.records = []
        member.hasRecorded = false
        member.railsLeft = 0
        for rail in 0..<(turn.hasGradients ? railCount : 1) {
            member.railsLeft += 1
            post(.begin(turn, isStopping: isStopping), to: member, rail)
        }
        if turn.hasGradients {
            for root in member.roots { root.update(repeating: .nan, count: member.elementCount) }
            member.bucketsLeft = Array(0..<member.plan.buckets.count).shuffled(using: &random)
        }
        member.stage = .computing
    }

    private func compute(_ member: SimulatedMember) {
        // The record may go before the gradients, between them or after.
        if let bucket = member.bucketsLeft.last, member.hasRecorded || random.below(3) > 0 {
            member.bucketsLeft.removeLast()
            for (rail, state) in member.rails.enumerated() {
                let range = state.core.plan.buckets.ranges[bucket]
                oracle.compute(member, turn: member.finishedTurns, range)
                if !range.isEmpty || random.below(2) == 0 { post(.bucketReady(bucket), to: member, rail) }
            }
        } else if !member.hasRecorded {
            member.hasRecorded = true
            post(.recordReady(oracle.record(of: member, turn: member.finishedTurns)), to: member, 0)
        }
        if member.bucketsLeft.isEmpty, member.hasRecorded { member.stage = .waiting }
    }

    private func post(_ message: SimulatedMember.Message, to member: SimulatedMember, _ rail: Int) {
        member.rails[rail].mailbox.append(message)
        runnable.set(members.count + member.index * railCount + rail, true)
    }

    // MARK: Rails

    private func hear(_ member: SimulatedMember, _ rail: Int) throws {
        let state = member.rails[rail]
        // Several messages may be heard before their consequences are carried out.
        var isListening = true
        while isListening {
            try hear(state.mailbox.removeFirst(), member, state)
            isListening = !state.mailbox.isEmpty && random.below(2) == 0
        }
        runnable.set(members.count + member.index * railCount + rail, !state.mailbox.isEmpty)
        try perform(member, rail)
    }

    private func hear(
        _ message: SimulatedMember.Message, _ member: SimulatedMember, _ state: SimulatedMember.Rail
    ) throws {
        switch message {
        case .begin(let turn, let isStopping):
            state.core.begin(turn, isStopping: isStopping)
        case .bucketReady(let bucket): state.core.bucketReady(bucket)
        case .recordReady(let record):
            if scenario.flaw == .lateReading, member.finishedTurns > 0 {
                try oracle.checkTotal(member, turn: member.finishedTurns - 1)
            }
            state.core.recordReady(record)
        }
    }

    func perform(_ member: SimulatedMember, _ rail: Int) throws {
        let state = member.rails[rail]
        guard !state.isPerforming else { return }
        state.isPerforming = true
        defer { state.isPerforming = false }
        while let action = state.core.nextAction() {
            switch action {
            case .send(let peer, let header, let source):
                if header.kind != .record {
                    state.bytesSent += Int(header.length)
                    state.framesSent += 1
                }
                let link = link(from: member.index, to: peer, rail)
                link.queue.append((header, source))
                if scenario.flaw == .earlySent { state.core.didSend(header) }
                // Now and then there is room at once, in the middle of the other actions.
                if link.queue.count == 1, !link.isCut, random.below(4) == 0 { try handOver(link) }
                update(link)
            case .reduce(let reduction):
                coverage.reductions += 1
                oracle.reduce(reduction, member, staging: state.staging, &random)
            case .resume(let peer):
                let link = link(from: peer, to: member.index, rail)
                link.isHeld = false
                update(link)
                // A link reads on at once, in the middle of the other actions.
                while !link.wire.isEmpty, !link.isHeld { try deliver(link) }
            case .bucketFinished(let bucket):
                state.bucketsFinished += 1
                try oracle.check(member, state.core.plan.buckets.ranges[bucket])
            case .finished(let turn, let records):
                guard turn == oracle.turns[member.finishedTurns] else {
                    throw Failure(description: "\(turn) finished out of order")
                }
                if rail == 0 { member.records = records }
                member.railsLeft -= 1
                if member.railsLeft == 0, member.stage == .waiting { runnable.set(member.index, true) }
            }
        }
    }
}
