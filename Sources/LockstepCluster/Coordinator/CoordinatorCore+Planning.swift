internal import LockstepCollectives
internal import LockstepCore

/// Changes at the end of a step: who joins, who leaves, and a stop. Nothing is redone.
extension CoordinatorCore {
    /// From PLAN until all stand still: the turn in hand is not given up for it, however long it takes.
    private var planTime: UInt64 {
        pace.longestTurn == 0 ? max(freezeTime, patience(configuration.timing.firstTurn)) : freezeTime
    }

    /// Everybody in the generation is told its successor's number, and stands still after the same step.
    mutating func plan(_ now: UInt64) -> [CoordinatorAction] {
        let generation = newGeneration()
        mode = .planned(generation: generation)
        deadline = stopReason == nil ? now + planTime : nil
        changeWantedAt = nil
        let wanted = wantedJoiners(now)
        for index in workers.indices {
            workers[index].frozen = nil
            workers[index].isExpected = wanted.contains(workers[index].process)
        }
        // A worker may be done while others are not; they learn of the plan from their own message.
        let change = plannedChange(to: generation)
        return workers.filter { isMember($0) || $0.isExpected }.map { .send($0.connection, .plan(change)) }
    }

    /// What is planned: members that stay, and joiners that are wanted.
    func plannedChange(to generation: UInt32) -> PlannedChange {
        let expected = workers.filter { isMember($0) ? $0.leaving == nil : $0.isExpected }
        // Where turns are long handshakes are nothing to them, and links do not wait for ever.
        guard stopReason == nil, expected.count > 1, pace.longestTurn < 10_000_000_000 else {
            return PlannedChange(generation: generation)
        }
        let members = expected.map(address).filter { !$0.ports.isEmpty }
            .sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        return PlannedChange(
            generation: generation, members: members, links: exchange(for: members.map(\.name)).links,
            patience: patience.factor)
    }

    /// The plan did not come through in time.
    mutating func giveUpPlan(_ now: UInt64) -> [CoordinatorAction] {
        let late = members.filter { $0.frozen == nil }
        let seconds = planTime / 1_000_000_000
        note(standstill("no planned change within \(seconds) s", "; it did not come to an end at ", late), now)
        return freeze(now)
    }

    // MARK: Wishes

    /// Whether a generation may change now: it works, and is not at its end.
    private var canChange: Bool {
        mode == .running && stopReason == nil && done.isEmpty && judgeAt == nil && !isLinking
    }

    /// Members that want to leave, where someone stays who has the state, or can get it.
    private var canLeave: Bool {
        members.contains { $0.leaving != nil } && members.contains { $0.leaving == nil }
    }

    private func wantsChange(_ now: UInt64) -> Bool { canLeave || !wantedJoiners(now).isEmpty }

    /// When the wish for a change is heeded.
    var nextWish: UInt64? {
        canChange ? changeWantedAt.map { $0 + configuration.timing.change } : nil
    }

    /// After every event: whether someone wants to join or leave, and since when.
    mutating func noticeChanges(_ now: UInt64) -> [CoordinatorAction] {
        guard canChange, wantsChange(now) else {
            changeWantedAt = nil
            return []
        }
        let since = changeWantedAt ?? now
        changeWantedAt = since
        return now >= since + configuration.timing.change ? plan(now) : []
    }

    // MARK: Leaving

    /// Why nobody is let go, where all members were asked to leave and nobody can take over from them.
    package var heldBack: String? {
        guard mode == .running, !members.isEmpty, members.allSatisfy({ $0.leaving != nil }) else { return nil }
        let shown = members.prefix(8).map { $0.name.escapedForDisplay() }.joined(separator: ", ")
        let names = members.count > 8 ? "\(shown) and \(members.count - 8) more" : shown
        return "all members were asked to leave, and nobody else holds the state: \(names) stay until another has "
            + "joined, or the grace is over"
    }

    mutating func handleLeaving(_ index: Int, _ reason: String, _ now: UInt64) -> [CoordinatorAction] {
        guard workers[index].leaving == nil else { return [] }
        let name = workers[index].name.escapedForDisplay()
        workers[index].leaving = reason
        var actions: [CoordinatorAction] = [
            .log(
                .info, "worker \(name) wants to leave: \(reason.escapedForDisplay(limit: 400))",
                metadata: ["worker": name])
        ]
        switch mode {
        case .gathering, .recovering, .measuring: return actions + release(index, now)
        case .running, .planned:
            if !isMember(workers[index]) { return actions + release(index, now) }
            if let heldBack {
                let text = "\(heldBack); to stop the run and keep its state, end its coordinator with SIGTERM"
                actions.append(.log(.warning, text, metadata: ["worker": name]))
            }
            return actions
        case .paused:
            return actions + releaseUnneeded(now)
        case .freezing, .collecting, .writing, .ended: return actions
        }
    }

    /// After a decision: those that are no members of it.
    mutating func releaseLeavers(_ now: UInt64) -> [CoordinatorAction] {
        var actions: [CoordinatorAction] = []
        while let index = workers.firstIndex(where: { $0.leaving != nil && !isMember($0) }) {
            actions += release(index, now)
        }
        return actions
    }

    /// While all stand still: those whose state others hold too.
    mutating func releaseUnneeded(_ now: UInt64) -> [CoordinatorAction] {
        guard workers.contains(where: { $0.leaving != nil }) else { return [] }
        let decision = decision(now)
        let needed = decision.answers.filter { $0.isLeaving && decision.needs($0) }.map(\.process)
        var actions: [CoordinatorAction] = []
        while let index = workers.firstIndex(where: { $0.leaving != nil && !needed.contains($0.process) }) {
            actions += release(index, now)
        }
        return actions
    }

    private mutating func release(_ index: Int, _ now: UInt64) -> [CoordinatorAction] {
        let release = Release(reason: "left on request", exitCode: .temporary)
        return [.send(workers[index].connection, .release(release))]
            + remove(index, "it left on request", now, isSettled: true, isWished: true)
    }
}
