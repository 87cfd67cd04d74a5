internal import LockstepCore

extension Decision {
    package var outcome: Outcome {
        var judgement = HashJudgement(
            answers, lastRoster: lastRoster, vouchers: vouchers, accused: accused)
        let eligible = answers.filter { $0.standing != .bystander }
        if rules.judgesMembersOnly {
            let kept = choose(eligible, judgement: nil)?.kept ?? []
            let members = kept.filter { $0.standing == .member }
            judgement = HashJudgement(members.isEmpty ? kept : members, lastRoster: nil, vouchers: [])
        }
        let staying = eligible.filter { !$0.isLeaving }
        if let (kept, left) = choose(staying, judgement: judgement) {
            let outcome = found(kept, left, judgement)
            guard case .tooFew = outcome, !rules.losesLeavers else { return outcome }
            return handOver(eligible, to: kept, judgement) ?? outcome
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
        case .take(let offered): return fallBack(to: offered, crew, judgement)
        }
    }

    /// - Returns: those that can all reach each other, and those left out for that; nil where nobody that could be among
    ///   them holds a state which is new enough. Members come before joiners, so that nobody who returns with old knowledge
    ///   takes a member's place. Joiners may be more than there are lanes.
    private func choose(_ candidates: [Answer], judgement: HashJudgement?) -> (kept: [Answer], left: [Answer])? {
        func suffices(_ answer: Answer) -> Bool {
            let held = judgement.map { $0.trusted(answer) } ?? answer.frozen.holding
            return held.map { $0.point.step >= reached } ?? false
        }
        func voices(_ answer: Answer) -> Int {
            guard let judgement else { return 2 }
            return judgement.trusted(answer).map { judgement.voices(for: $0) } ?? 0
        }
        func members(of candidates: [Answer]) -> (kept: [Answer], left: [Answer])? {
            ReachableSet.members(of: candidates, laneCount: policy.laneCount, voices: voices, needing: suffices)
        }
        guard var (kept, left) = members(of: candidates.filter { $0.standing == .member }) else {
            return members(of: candidates)
        }
        for joiner in candidates where joiner.standing == .joiner {
            if kept.allSatisfy({ ReachableSet.canReach(joiner, $0) }) {
                kept.append(joiner)
            } else {
                left.append(joiner)
            }
        }
        return (kept, left)
    }

    /// Too few stay: who leaves is a member once more where it holds something newer than they, and does so with them.
    ///
    /// - Returns: nil where there is nothing to hand over, or too few are there for that too.
    private func handOver(_ eligible: [Answer], to staying: [Answer], _ judgement: HashJudgement) -> Outcome? {
        let newest = staying.compactMap { judgement.trusted($0)?.point }.max()
        let isAhead = eligible.contains { answer in
            guard answer.isLeaving, let held = judgement.trusted(answer) else { return false }
            return newest.map { held.point > $0 } ?? true
        }
        guard isAhead, let (kept, left) = choose(eligible, judgement: judgement),
            case .roster(let choice) = found(kept, left, judgement)
        else { return nil }
        return .roster(choice)
    }

    private func found(_ kept: [Answer], _ left: [Answer], _ judgement: HashJudgement) -> Outcome {
        guard kept.count >= minWorkers else { return .tooFew(kept.count) }
        let members = kept.filter { $0.standing == .member }
        // Where members have all lanes no joiner's state can be had.
        let holders = members.count < policy.laneCount ? kept : members
        let held = holders.compactMap { judgement.trusted($0) }.sorted { $1.point < $0.point }
        guard let newest = held.first else { return .waitForHolder }
        var start = newest
        // A lone worker may have been damaged after it went ahead; of the state before, several know what it must be.
        if !rules.trustsLoneVoices, judgement.voices(for: newest) < 2,
            let before = held.first(where: { $0.point < newest.point }),
            newest.point.step - before.point.step <= 1, judgement.voices(for: before) >= 2
        {
            start = before
        }
        return .roster(choice(admit(kept, to: start, judgement), left, from: start, judgement))
    }

    /// Nobody holds what the run has come to.
    private func fallBack(to offered: Holding, _ crew: [Answer], _ judgement: HashJudgement) -> Outcome {
        func isNewer(_ answer: Answer) -> Bool {
            judgement.trusted(answer).map { $0.point >= offered.point } ?? false
        }
        let (kept, left) =
            ReachableSet.members(of: crew, laneCount: policy.laneCount, needing: isNewer)
            ?? ReachableSet.members(of: crew, laneCount: policy.laneCount) { _ in true } ?? (crew, [])
        guard kept.count >= minWorkers else { return .tooFew(kept.count) }
        let start = kept.filter(isNewer).compactMap { judgement.trusted($0) }.max { $0.point < $1.point } ?? offered
        return .roster(
            choice(admit(kept, to: start, judgement, takesAll: true), left, from: start, judgement))
    }

    /// Of those that can reach each other the members of the next roster: the members of the last one, and as many joiners
    /// as are wanted. A joiner that would have to copy the state first is observing, or soon will, and comes later.
    private func admit(
        _ kept: [Answer], to start: Holding, _ judgement: HashJudgement, takesAll: Bool = false
    ) -> [Answer] {
        func holds(_ answer: Answer) -> Bool { judgement.trusted(answer) == start }
        let members = kept.filter { $0.standing == .member }
        let joiners = kept.filter { $0.standing == .joiner }
        let isOpen = takesAll || admitsAll || members.isEmpty
        let welcome =
            joiners.filter(holds) + joiners.filter { !holds($0) && (isOpen || $0.isAdmitted) }
        var count = max(members.count, policy.members(of: members.count + welcome.count + silentObservers))
        // Someone among them must have the state.
        if !members.contains(where: holds), welcome.contains(where: holds) {
            count = min(policy.laneCount, max(count, members.count + 1))
        }
        var crew = members + welcome.prefix(max(0, count - members.count))
        let others = joiners.filter { joiner in !crew.contains { $0.process == joiner.process } }
        crew += others.prefix(max(0, min(minWorkers, policy.laneCount) - crew.count))
        return crew
    }

    private func choice(_ crew: [Answer], _ left: [Answer], from start: Holding, _ judgement: HashJudgement) -> Choice {
        let members = crew.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        return Choice(
            members: members.map(\.name), start: start,
            holders: members.filter { judgement.trusted($0) == start }.map(\.name),
            distrusted: judgement.distrusted, unreachable: left.map(\.name))
    }
}
