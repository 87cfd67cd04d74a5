import LockstepCluster
import LockstepCollectives
import LockstepCore

/// What decisions are made of, for suites that spell them out.
protocol DecisionScenes {}

extension DecisionScenes {
    func hash(_ step: UInt32, _ flaw: UInt64 = 0) -> StateHash { StateHash(high: UInt64(step), low: flaw) }

    func point(_ step: UInt32) -> StatePoint { StatePoint(step: step) }

    func answer(
        _ name: String, _ step: UInt32?, flaw: UInt64 = 0, whole: UInt64 = 0,
        standing: Decision.Answer.Standing = .member, isLeaving: Bool = false, agreed: UInt32? = nil,
        outOfReach: [String] = [], seniority: UInt32 = 1
    ) -> Decision.Answer {
        let holding = step.map { Holding(point: point($0), hash: hash($0, flaw), wholeHash: hash($0, whole)) }
        return Decision.Answer(
            name: name, process: process(name), standing: standing, isLeaving: isLeaving, seniority: seniority,
            running: standing == .member ? 5 : 0,
            frozen: Frozen(
                generation: 6, holding: holding,
                agreed: agreed.map { Frozen.Agreement(point: point($0), hash: hash($0)) }, outOfReach: outOfReach))
    }

    func process(_ name: String) -> ProcessNumber {
        ProcessNumber(name.utf8.reduce(7) { $0 &* 31 &+ UInt64($1) })
    }

    func roster(
        _ names: [String], start: UInt32 = 0, distrusted: [String] = []
    ) -> Roster {
        Roster(
            generation: 5,
            members: names.enumerated().map { index, name in
                Roster.Member(name: name, process: process(name), host: "h", ports: [1], lanes: index..<(index + 1))
            }, start: point(start), stateHash: hash(start), wholeHash: hash(start),
            distrusted: distrusted.map(process), exchange: .init())
    }

    func decide(
        _ answers: [Decision.Answer], roster: Roster? = nil, vouchers: [Decision.Voucher] = [], reached: UInt32 = 0,
        fallback: Decision.Fallback = .ask, laneCount: Int = 8, workers: Int? = nil, spares: Int = 0,
        minWorkers: Int = 1, admitsAll: Bool = true,
        _ change: (inout ProtocolRules) -> Void = { _ in }
    ) -> Decision.Outcome {
        var rules = ProtocolRules()
        change(&rules)
        return Decision(
            answers: answers,
            lastRoster: roster ?? self.roster(answers.filter { $0.standing == .member }.map(\.name)),
            vouchers: vouchers, reached: reached, fallback: fallback,
            policy: SparePolicy(workers: workers ?? laneCount, spares: spares, laneCount: laneCount),
            minWorkers: minWorkers, admitsAll: admitsAll, rules: rules
        ).outcome
    }

    func choice(_ outcome: Decision.Outcome) -> Decision.Choice? {
        if case .roster(let choice) = outcome { choice } else { nil }
    }

    func joiner(
        _ name: String, _ step: UInt32?, flaw: UInt64 = 0, source: String? = nil, isAdmitted: Bool = false,
        copied: UInt32? = 5, unreachable: [String] = []
    ) -> Decision.Answer {
        var joiner = answer(name, step, flaw: flaw, standing: .joiner, seniority: UInt32.max)
        joiner.isAdmitted = isAdmitted
        joiner.frozen.source = source.map(process)
        joiner.frozen.copied = copied
        joiner.unreachable = unreachable.map(process)
        return joiner
    }
}
