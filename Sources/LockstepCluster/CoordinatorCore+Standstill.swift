internal import LockstepCollectives
internal import LockstepCore

/// All connections live, and nothing gets on.
extension CoordinatorCore {
    /// When what goes on has taken too long. A planned stop has a deadline of its own.
    var standstillAt: UInt64? {
        guard judgeAt == nil else { return nil }
        switch mode {
        case .gathering:
            return workers.filter { !$0.isReady }.map { $0.preparingSince + configuration.timing.preparing }.min()
        case .measuring, .linking, .running, .collecting:
            return pace.movedAt + allowedStandstill
        case .planned, .writing, .ended:
            return nil
        }
    }

    private var allowedStandstill: UInt64 {
        let timing = configuration.timing
        return switch mode {
        case .measuring where workers.allSatisfy(\.isLinked):
            timing.trial
                + (measuring?.trial?.allowance(members: workers.count, standstill: timing.standstill) ?? 0)
        case .measuring, .linking:
            timing.linking + (roster.map { $0.linkingAllowance(links: $0.exchange.links) } ?? 0)
        case .collecting: timing.share
        default: max(timing.standstill, timing.patience * pace.longestTurn)
        }
    }

    mutating func handleStandstill(_ now: UInt64) -> [CoordinatorAction] {
        let seconds = (now - pace.movedAt) / 1_000_000_000
        switch mode {
        case .gathering:
            let seconds = configuration.timing.preparing / 1_000_000_000
            let late = workers.filter { !$0.isReady && now >= $0.preparingSince + configuration.timing.preparing }
            return conclude(standstill("not prepared \(seconds) s after HELLO", ": ", late))
        case .measuring where workers.allSatisfy(\.isLinked):
            let answered = measuring?.answers.map(\.name) ?? []
            let late = workers.filter { !answered.contains($0.name) }
            let awaited = awaited
            var verdict =
                awaited.isEmpty
                ? standstill("no end of a trial for \(seconds) s", "; no answer came from ", late)
                : standstill("no end of a trial for \(seconds) s", "; the others wait for ", awaited)
            verdict.stage = .measuring
            return conclude(verdict)
        case .measuring, .linking:
            let late = workers.filter { !$0.isLinked }
            return conclude(standstill("not all links were there after \(seconds) s", "; missing are those of ", late))
        case .running:
            let awaited = awaited
            return conclude(
                awaited.isEmpty
                    ? standstill("no step for \(seconds) s", "; furthest behind: ", furthestBehind)
                    : standstill("no step for \(seconds) s", "; the others wait for ", awaited))
        case .collecting(let step, _):
            let late = workers.filter { !pace.shares.contains($0.name) }
            var verdict = standstill(
                "no share of the state after step \(step) came for \(seconds) s", "; nothing came from ", late)
            verdict.stage = .snapshot
            verdict.step = step
            return conclude(verdict)
        case .planned, .writing, .ended:
            return []
        }
    }

    /// Whom others wait for; where some of these wait themselves, only those that wait for nobody.
    private var awaited: [Worker] {
        let awaited = workers.filter { candidate in
            workers.contains { $0.name != candidate.name && $0.waitingFor.contains(candidate.name) }
        }
        let idle = awaited.filter(\.waitingFor.isEmpty)
        return idle.isEmpty ? awaited : idle
    }

    private var furthestBehind: [Worker] {
        let working = workers.filter { done[$0.name] == nil }
        func place(_ worker: Worker) -> (UInt32, Int) {
            (worker.step, Stage.allCases.firstIndex(of: worker.stage) ?? 0)
        }
        guard let last = working.map(place).min(by: <) else { return [] }
        return working.filter { place($0) == last }
    }

    private func standstill(_ cause: String, _ link: String, _ culprits: [Worker]) -> Verdict {
        let only = culprits.count == 1 ? culprits.first : nil
        var message = cause
        if !culprits.isEmpty {
            let shown = culprits.prefix(8).map { "\($0.name.escapedForDisplay()) (\(place($0.stage, of: $0.step)))" }
            message += link + (only == nil ? "workers " : "worker ") + shown.joined(separator: ", ")
            if culprits.count > shown.count { message += " and \(culprits.count - shown.count) more" }
        }
        return Verdict(
            worker: only?.name, stage: only?.stage, step: only.flatMap { $0.step > 0 ? $0.step : nil }, cause: cause,
            message: message)
    }
}
