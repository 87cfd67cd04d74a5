package import LockstepCore

/// Who goes on, and from which state: a pure function of what all that stand still have answered. Made once a generation.
package struct Decision: Sendable {
    /// A process that stands still.
    package struct Answer: Sendable {
        package enum Standing: Sendable {
            /// A member of the last roster.
            case member
            /// Prepared and checked, and not a member.
            case joiner
            /// It vouches for what it holds, and cannot be a member.
            case bystander
        }

        package var name: String
        package var process: ProcessNumber
        package var standing: Standing
        package var isLeaving: Bool
        /// The first generation that it was a member of: who has been longest is kept first.
        package var seniority: UInt32
        /// The newest generation whose START it is known to have obeyed.
        package var running: UInt32
        package var frozen: Frozen

        package init(
            name: String, process: ProcessNumber, standing: Standing, isLeaving: Bool = false,
            seniority: UInt32 = UInt32.max, running: UInt32 = 0, frozen: Frozen
        ) {
            self.name = name
            self.process = process
            self.standing = standing
            self.isLeaving = isLeaving
            self.seniority = seniority
            self.running = running
            self.frozen = frozen
        }
    }

    /// Something that stands for a state's hash.
    package struct Voucher: Sendable, Hashable {
        package enum Source: Sendable, Hashable {
            case process(ProcessNumber)
            case roster
            case snapshot
        }

        package var point: StatePoint
        package var hash: StateHash
        package var source: Source

        package init(point: StatePoint, hash: StateHash, source: Source) {
            self.point = point
            self.hash = hash
            self.source = source
        }
    }

    /// What to do where nobody that answered holds a state as new as the run has come.
    package enum Fallback: Sendable, Equatable {
        /// Someone who may hold it can still return.
        case wait
        /// Nobody will; the newest snapshot is not known yet.
        case ask
        /// It is this one, or S(0) where there is none.
        case take(Holding)
    }

    package struct Choice: Sendable, Equatable {
        /// In the order of their names' bytes.
        package var members: [String]
        package var start: Holding
        /// The members that hold `start`, in the same order.
        package var holders: [String]
        package var distrusted: [ProcessNumber]
        /// Left out because not all of the others can be reached from there.
        package var unreachable: [String]
    }

    package enum Outcome: Sendable, Equatable {
        case roster(Choice)
        case waitForHolder
        case fromSnapshot
        /// So few can be members.
        case tooFew(Int)
    }

    package var answers: [Answer]
    package var lastRoster: Roster?
    /// What is journaled, and what was reported.
    package var vouchers: [Voucher]
    /// The run has come so far: an older state is taken only where no other is to be had.
    package var reached: UInt32
    package var fallback: Fallback
    package var laneCount: Int
    package var minWorkers: Int
    /// Processes whose state is known to differ in what no hash shows.
    package var accused: [ProcessNumber] = []
    package var rules = ProtocolRules()

    package init(
        answers: [Answer], lastRoster: Roster?, vouchers: [Voucher] = [], reached: UInt32, fallback: Fallback,
        laneCount: Int, minWorkers: Int = 1, rules: ProtocolRules = ProtocolRules()
    ) {
        self.answers = answers.map { Self.withoutOldKnowledge($0, of: answers, lastRoster) }
            .sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        self.lastRoster = lastRoster
        self.vouchers = vouchers
        self.reached = reached
        self.fallback = fallback
        self.laneCount = laneCount
        self.minWorkers = minWorkers
        self.rules = rules
    }

    /// Who is out of reach counts where it was said of processes of the last roster by one of them: a name may be another
    /// process by now.
    private static func withoutOldKnowledge(_ answer: Answer, of answers: [Answer], _ roster: Roster?) -> Answer {
        var answer = answer
        answer.frozen.outOfReach = answer.frozen.outOfReach.filter { name in
            guard let roster, answer.running == roster.generation, let peer = roster.index(of: name) else {
                return false
            }
            return answers.contains { $0.name == name && $0.process == roster.members[peer].process }
        }
        return answer
    }

    package var outcome: Outcome {
        var judgement = HashJudgement(
            answers, lastRoster: lastRoster, vouchers: vouchers, accused: accused)
        let eligible = answers.filter { $0.standing != .bystander }
        if rules.judgesMembersOnly {
            let members = choose(eligible, judgement: nil)?.kept ?? []
            judgement = HashJudgement(members, lastRoster: nil, vouchers: [])
        }
        let staying = eligible.filter { !$0.isLeaving }
        if let (kept, left) = choose(staying, judgement: judgement) {
            return found(kept, left, judgement)
        }
        // Who leaves is kept only where nobody else has what the run has come to.
        if let (kept, left) = choose(eligible, judgement: judgement) {
            return found(kept, left, judgement)
        }
        let crew = staying.isEmpty ? eligible : staying
        guard crew.count >= max(1, minWorkers) else { return .tooFew(crew.count) }
        switch fallback {
        case .wait: return .waitForHolder
        case .ask: return .fromSnapshot
        case .take(let offered):
            func isNewer(_ answer: Answer) -> Bool {
                judgement.trusted(answer).map { $0.point >= offered.point } ?? false
            }
            let (kept, left) =
                ReachableSet.members(of: crew, laneCount: laneCount, needing: isNewer)
                ?? ReachableSet.members(of: crew, laneCount: laneCount) { _ in true } ?? (crew, [])
            guard kept.count >= minWorkers else { return .tooFew(kept.count) }
            let newest = kept.filter(isNewer).compactMap { judgement.trusted($0) }.max { $0.point < $1.point }
            return .roster(choice(kept, left, from: newest ?? offered, judgement))
        }
    }

    /// - Returns: those that go on and can all reach each other, and those left out for that; nil where nobody that could
    ///   be among them holds a state which is new enough. Members come before joiners, so that nobody who returns with
    ///   old knowledge takes a member's place.
    private func choose(_ candidates: [Answer], judgement: HashJudgement?) -> (kept: [Answer], left: [Answer])? {
        func suffices(_ answer: Answer) -> Bool {
            let held = judgement.map { $0.trusted(answer) } ?? answer.frozen.holding
            return held.map { $0.point.step >= reached } ?? false
        }
        let members = candidates.filter { $0.standing == .member }
        guard var (kept, left) = ReachableSet.members(of: members, laneCount: laneCount, needing: suffices) else {
            return ReachableSet.members(of: candidates, laneCount: laneCount, needing: suffices)
        }
        for joiner in candidates where joiner.standing == .joiner && kept.count < laneCount {
            if kept.allSatisfy({ ReachableSet.canReach(joiner, $0) }) {
                kept.append(joiner)
            } else {
                left.append(joiner)
            }
        }
        return (kept, left)
    }

    private func found(_ kept: [Answer], _ left: [Answer], _ judgement: HashJudgement) -> Outcome {
        guard kept.count >= minWorkers else { return .tooFew(kept.count) }
        let held = kept.compactMap { judgement.trusted($0) }.sorted { $1.point < $0.point }
        guard let newest = held.first else { return .waitForHolder }
        var start = newest
        // A lone worker may have been damaged after it went ahead; of the state before, several know what it must be.
        if judgement.voices(for: newest) < 2,
            let before = held.first(where: { $0.point < newest.point }),
            newest.point.step - before.point.step <= 1, judgement.voices(for: before) >= 2
        {
            start = before
        }
        return .roster(choice(kept, left, from: start, judgement))
    }

    private func choice(_ kept: [Answer], _ left: [Answer], from start: Holding, _ judgement: HashJudgement) -> Choice {
        let members = kept.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        return Choice(
            members: members.map(\.name), start: start,
            holders: members.filter { judgement.trusted($0) == start }.map(\.name),
            distrusted: judgement.distrusted, unreachable: left.map(\.name))
    }
}
