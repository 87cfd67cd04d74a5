internal import LockstepCollectives
internal import LockstepCore

/// All connections live, and nothing gets on.
extension CoordinatorCore {
    /// When what goes on has taken too long. Freezes and planned changes have deadlines of their own.
    var standstillAt: UInt64? {
        guard judgeAt == nil else { return nil }
        switch mode {
        case .measuring, .running, .collecting: return pace.movedAt + allowedStandstill
        case .gathering, .recovering, .planned, .freezing, .paused, .writing, .ended: return nil
        }
    }

    /// When a worker has prepared for too long.
    var lateAt: UInt64? {
        workers.lazy.filter(isPreparing).map(\.preparingSince).min().map { $0 + configuration.timing.preparing }
    }

    /// Who was prepared before says so again; a member is watched by its steps.
    private func isPreparing(_ worker: Worker) -> Bool {
        worker.prepared == nil && !(worker.comesPrepared && isMember(worker))
    }

    private var allowedStandstill: UInt64 {
        let timing = configuration.timing
        switch mode {
        case .measuring where !isLinking:
            return timing.trial
                + (measuring?.trial?.allowance(members: members.count, standstill: 120_000_000_000) ?? 0)
        case .measuring: return linkingTime
        case .collecting: return patience(timing.share)
        default:
            if isLinking { return linkingTime }
            let floor = pace.longestTurn == 0 ? timing.firstTurn : timing.standstill
            return patience(max(floor, timing.standstillTurns * pace.longestTurn)) + levellingTime
        }
    }

    private var linkingTime: UInt64 {
        patience(configuration.timing.linking) + (roster.map { $0.linkingAllowance(links: $0.exchange.links) } ?? 0)
    }

    /// Where members have to copy the state first, and no turn of the generation is over yet: at 20 MB a second.
    private var levellingTime: UInt64 {
        guard let roster, roster.holders.count < roster.members.count else { return 0 }
        return UInt64(configuration.elementCount) * 16 * 50
    }

    mutating func handleStandstill(_ now: UInt64) -> [CoordinatorAction] {
        let seconds = (now - min(now, pace.movedAt)) / 1_000_000_000
        switch mode {
        case .measuring where !isLinking:
            let answered = measuring?.answers.map(\.name) ?? []
            let late = members.filter { !answered.contains($0.name) }
            let awaited = awaited
            var verdict =
                awaited.isEmpty
                ? standstill("no end of a trial for \(seconds) s", "; no answer came from ", late)
                : standstill("no end of a trial for \(seconds) s", waiting(for: awaited), awaited)
            verdict.stage = .measuring
            return giveUp(verdict, now)
        case .measuring, .running:
            if isLinking {
                let late = members.filter { !$0.isLinked }
                return giveUp(
                    standstill("not all links were there after \(seconds) s", "; missing are those of ", late), now)
            }
            let awaited = awaited
            return giveUp(
                awaited.isEmpty
                    ? standstill("no step for \(seconds) s", "; furthest behind: ", furthestBehind)
                    : standstill("no step for \(seconds) s", waiting(for: awaited), awaited), now)
        case .collecting(let step, _): return giveUpShares(step, seconds, now)
        case .gathering, .recovering, .planned, .freezing, .paused, .writing, .ended: return []
        }
    }

    /// Everybody stands still, and who does not is lost.
    private mutating func giveUp(_ verdict: Verdict, _ now: UInt64) -> [CoordinatorAction] {
        guard configuration.purpose == .training else { return conclude(verdict) }
        let isFirst = evidence?.standstill == nil
        note(verdict, now)
        let log = CoordinatorAction.log(.warning, verdict.message, metadata: [:])
        return (isFirst ? [log] : []) + freeze(now)
    }

    /// Who sends nothing of its shares is lost, and the others send them.
    private mutating func giveUpShares(_ step: UInt32, _ seconds: UInt64, _ now: UInt64) -> [CoordinatorAction] {
        let late = workers.filter { worker in
            collection.contains { $0.name == worker.name } && !pace.shares.contains(worker.name)
        }
        let blamed = late.isEmpty ? workers.filter { worker in collection.contains { $0.name == worker.name } } : late
        var verdict = standstill(
            "no share of the state after step \(step) came for \(seconds) s", "; nothing came from ", late)
        verdict.stage = .snapshot
        verdict.step = step
        note(verdict, now)
        var actions: [CoordinatorAction] = []
        for process in blamed.map(\.process) {
            guard case .collecting = mode, let index = index(of: process) else { break }
            actions += expel(
                index, "it sent nothing of the state after step \(step) for \(seconds) s", now, exitCode: .temporary)
        }
        return actions
    }

    mutating func dropLate(_ now: UInt64) -> [CoordinatorAction] {
        var actions: [CoordinatorAction] = []
        let seconds = configuration.timing.preparing / 1_000_000_000
        while mode != .ended,
            let index = workers.firstIndex(where: {
                isPreparing($0) && now >= $0.preparingSince + configuration.timing.preparing
            })
        {
            actions += expel(index, "not prepared \(seconds) s after HELLO", now)
        }
        return actions
    }

    /// Whom others wait for; where some of these wait themselves, only those that wait for nobody.
    private var awaited: [Worker] {
        let awaited = members.filter { candidate in
            members.contains { $0.name != candidate.name && $0.waitingFor.contains(candidate.name) }
        }
        let idle = awaited.filter(\.waitingFor.isEmpty)
        return idle.isEmpty ? awaited : idle
    }

    private func waiting(for awaited: [Worker]) -> String {
        awaited.count < members.count ? "; the others wait for " : "; they wait for each other: "
    }

    private var furthestBehind: [Worker] {
        let working = members.filter { done[$0.name] == nil }
        func place(_ worker: Worker) -> (UInt32, Int) {
            (worker.step, Stage.allCases.firstIndex(of: worker.stage) ?? 0)
        }
        guard let last = working.map(place).min(by: <) else { return [] }
        return working.filter { place($0) == last }
    }

    func standstill(_ cause: String, _ link: String, _ culprits: [Worker]) -> Verdict {
        let only = culprits.count == 1 ? culprits.first : nil
        var message = cause
        if !culprits.isEmpty {
            let shown = culprits.prefix(8).map { worker in
                "\(worker.name.escapedForDisplay()) (\(Evidence.place(worker.stage, of: worker.step)))"
            }
            message += link + (only == nil ? "workers " : "worker ") + shown.joined(separator: ", ")
            if culprits.count > shown.count { message += " and \(culprits.count - shown.count) more" }
        }
        return Verdict(
            worker: only?.name, stage: only?.stage, step: only.flatMap { $0.step > 0 ? $0.step : nil }, cause: cause,
            message: message)
    }
}
