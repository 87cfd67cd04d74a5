extension Decision {
    /// Whether one that wants to leave has to stay, though too few are there for a roster: what it holds may be all that is
    /// left of what the run has come to.
    package func needs(_ leaver: Answer) -> Bool {
        guard let own = leaver.frozen.holding else { return false }
        let judgement = HashJudgement(answers, lastRoster: lastRoster, vouchers: vouchers, accused: accused)
        guard judgement.trusted(leaver) != nil else {
            // Where two states have as many voices, one who is missing may know which is right. What has lost is of no use.
            return judgement.isUndecided(own) && fallback == .wait
        }
        return !answers.contains { answer in
            guard !answer.isLeaving, let held = judgement.trusted(answer) else { return false }
            return held == own || held.point > own.point
        }
    }
}
