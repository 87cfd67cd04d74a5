/// What the coordinator knows of lanes that are computed twice.
struct LaneAuditing: Sendable {
    /// Steps with an audit that were reported.
    var count = 0
    /// The generation of the last difference that was judged.
    var judged: UInt32 = 0
    /// The step of the last difference that named nobody, and how often that came in a row.
    var tie: (step: UInt32, count: Int) = (0, 0)
    /// Who was outvoted goes; the decision waits until all of them have.
    var isExpelling = false

    /// A run that cannot say who is wrong ends with so many differences in one step.
    static let mostTies = 3
}

extension CoordinatorCore {
    /// Lanes that were computed twice, with the same result, in the steps that were reported to this incarnation.
    package var lanesAudited: Int { laneAuditing.count }

    /// Whether members that live still compute the lane that two others computed differently. If one does not come to an
    /// end with that, it is a standstill.
    var awaitsLaneVoices: Bool {
        switch mode {
        case .running, .planned: break
        default: return false
        }
        let halts = evidence?.halts.filter { $0.halted.generation == roster?.generation } ?? []
        return members.contains { member in !halts.contains { $0.name == member.name } }
    }

    /// All stand still: judges the audit for which they do.
    ///
    /// - Returns: nil where there is nothing to judge, or nothing follows from it but that the step is done again.
    mutating func judgeLaneVote(_ now: UInt64) -> [CoordinatorAction]? {
        guard let vote = evidence?.laneVote, vote.generation > laneAuditing.judged else { return nil }
        laneAuditing.judged = vote.generation
        guard !vote.outvoted.isEmpty else {
            let count = laneAuditing.tie.step == vote.step ? laneAuditing.tie.count + 1 : 1
            laneAuditing.tie = (vote.step, count)
            guard count >= LaneAuditing.mostTies else { return nil }
            var verdict = vote.verdict
            verdict.message += "; it came \(count) times in a row"
            return conclude(verdict)
        }
        laneAuditing.tie = (0, 0)
        laneAuditing.isExpelling = true
        var actions: [CoordinatorAction] = []
        for name in vote.outvoted {
            guard let index = workers.firstIndex(where: { $0.name == name && isMember($0) }) else { continue }
            actions += expel(index, "it computed lane \(vote.lane) of step \(vote.step) otherwise than most did", now)
        }
        laneAuditing.isExpelling = false
        return actions + decideIfAnswered(now)
    }
}
