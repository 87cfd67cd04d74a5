internal import LockstepCore

/// All stand still, and say what they hold; then it is decided who goes on.
extension CoordinatorCore {
    /// From FREEZE, or PLAN, until all stand still.
    var freezeTime: UInt64 {
        patience(max(configuration.timing.freeze, configuration.timing.freezeTurns * pace.longestTurn))
    }

    func freezeMessage(_ generation: UInt32) -> Freeze {
        Freeze(generation: generation, reachLimit: patience(configuration.timing.reach))
    }

    /// Something failed, or came, that only a new generation can take in: everybody is asked to stand still.
    mutating func freeze(_ now: UInt64) -> [CoordinatorAction] {
        switch mode {
        case .running, .planned, .measuring, .collecting, .freezing:
            if !rules.keepsDeadlines { patience.failed(reported: lastReported) }
            if case .freezing = mode { break }
            admitsAll = false
        case .gathering, .recovering, .paused: admitsAll = true
        case .writing, .ended: return []
        }
        if rules.startsWithoutFreeze, let trained, mode == .running {
            return startWithoutFreeze(trained, now)
        }
        measuring = nil
        for index in workers.indices { workers[index].frozen = nil }
        return askToFreeze(newGeneration(), now)
    }

    /// Asks all that hold a state and have not answered.
    private mutating func askToFreeze(_ generation: UInt32, _ now: UInt64) -> [CoordinatorAction] {
        mode = .freezing(generation: generation)
        isWaiting = false
        changeWantedAt = nil
        deadline = now + freezeTime
        // Their feed ends with the state that the members hold, or FREEZE's own limit is over for them; then they hash it,
        // 2 GB a second.
        joinersUntil =
            now + patience(configuration.timing.reach) * 3 / 2 + UInt64(configuration.elementCount) * 8
        let message = freezeMessage(generation)
        return workers.filter { $0.holdsState && $0.frozen == nil }
            .map { .send($0.connection, .freeze(message)) } + decideIfAnswered(now)
    }

    /// Workers whose answer is not there yet, and is waited for: joiners hold up nobody for long.
    func awaitedAnswers(_ now: UInt64) -> [Worker] {
        let silent = workers.filter { $0.holdsState && $0.frozen == nil }
        guard trained != nil, !admitsAll, !silent.isEmpty else { return silent + arrivingHolders }
        // Without more of them there may be no state, or too few.
        // Who leaves stays longer rather than that all wait for one that hangs.
        let others = workers.filter { worker in
            (isMember(worker) || worker.frozen != nil) && (worker.leaving == nil || joinersUntil == nil)
        }
        let isHeld = others.contains { $0.frozen == nil || holdsEnough($0) }
        guard others.count >= max(1, configuration.minWorkers), isHeld else { return silent }
        let wanted = joinersUntil == nil || stopReason != nil ? [] : wantedJoiners(now)
        return silent.filter { isMember($0) || wanted.contains($0.process) }
    }

    /// Who holds what the run has come to, and can be no member before its bulk connection is there, in a moment. Where as
    /// many as are needed, and two at least, hold the same and stay, nothing hangs on it.
    private var arrivingHolders: [Worker] {
        guard joinersUntil != nil, trained != nil, stopReason == nil else { return [] }
        let held = workers.filter { $0.isReady && $0.leaving == nil && holdsEnough($0) }.compactMap {
            $0.frozen?.holding
        }
        guard held.count < max(2, configuration.minWorkers) || held.contains(where: { $0 != held[0] }) else {
            return []
        }
        return workers.filter { worker in
            !isMember(worker) && !worker.isReady && worker.leaving == nil && holdsEnough(worker)
        }
    }

    /// Whether it has answered, with what the run has come to.
    private func holdsEnough(_ worker: Worker) -> Bool {
        worker.frozen?.holding.map { $0.point.step >= reached } ?? false
    }

    mutating func handleFrozen(_ index: Int, _ frozen: Frozen, _ now: UInt64) -> [CoordinatorAction] {
        noteLateAnswer(workers[index].process, frozen)
        switch mode {
        case .freezing(frozen.generation):
            workers[index].take(frozen)
            return decideIfAnswered(now)
        case .planned(frozen.generation):
            guard isMember(workers[index]) || workers[index].isExpected else { return [] }
            workers[index].take(frozen)
            guard members.allSatisfy({ $0.frozen != nil }) else { return [] }
            // They stand still; now all others that have not answered are asked under the same number.
            return askToFreeze(frozen.generation, now)
        case .paused(frozen.generation):
            guard workers[index].frozen == nil else { return [] }
            workers[index].take(frozen)
            return isAsking ? [] : decideAgain(now)
        case .recovering:
            // Who was left out of the last roster stands still, and disturbs nobody.
            guard let trained, isMember(workers[index]) || frozen.generation > trained.generation else { return [] }
            return freeze(now)
        case .running, .planned:
            // It has promised more than the roster's generation, so it cannot go on in that.
            guard let roster, isMember(workers[index]), frozen.generation > roster.generation else { return [] }
            return freeze(now)
        case .gathering, .measuring, .freezing, .paused, .collecting, .writing, .ended: return []
        }
    }

    /// A freeze out of a pause is no failure, and its deadline stays as it is: where that is too short for everybody, all
    /// would be given up each time.
    private mutating func noteLateAnswer(_ process: ProcessNumber, _ frozen: Frozen) {
        guard admitsAll, unanswered[process] == frozen.generation else { return }
        // One freeze counts once.
        unanswered = [:]
        patience.lengthen()
    }

    /// Decides when nobody is waited for any more.
    mutating func decideIfAnswered(_ now: UInt64) -> [CoordinatorAction] {
        guard case .freezing(let generation) = mode, awaitedAnswers(now).isEmpty, judgeAt == nil,
            !laneAuditing.isExpelling
        else { return [] }
        if let actions = judgeLaneVote(now) { return actions }
        guard trained == nil else { return decide(generation, now) }
        // Nothing was trained yet: who is here begins.
        mode = .gathering
        deadline = nil
        return beginIfReady(now)
    }

    /// Who has not answered in time is lost.
    mutating func dropSilent(_ now: UInt64) -> [CoordinatorAction] {
        // A stop shortens the deadline, so that one who hangs does not cost it the state. Without a state nothing is won by it.
        if stopReason != nil, !workers.contains(where: holdsEnough) {
            deadline = now + configuration.timing.stop / 10
            return []
        }
        deadline = nil
        let seconds = freezeTime / 1_000_000_000
        var actions: [CoordinatorAction] = []
        joinersUntil = nil
        for process in awaitedAnswers(now).map(\.process) {
            guard let index = index(of: process) else { continue }
            let place = Evidence.place(workers[index].stage, of: workers[index].step)
            if admitsAll, case .freezing(let generation) = mode { unanswered[process] = generation }
            actions += expel(
                index, "it did not stand still within \(seconds) s", place: ", last in \(place)", now,
                exitCode: .temporary)
        }
        actions += decideIfAnswered(now)
        // Who was not waited for while those were there is now.
        if case .freezing = mode, !awaitedAnswers(now).isEmpty {
            deadline = now + (stopReason == nil ? freezeTime : configuration.timing.stop / 10)
        }
        return actions
    }

    /// Joiners that were wanted have had their time.
    mutating func stopWaitingForJoiners(_ now: UInt64) -> [CoordinatorAction] {
        joinersUntil = nil
        return decideIfAnswered(now)
    }

    // MARK: The decision

    /// The state that someone should have: what the run has come to, less the one step that the first to report it may be
    /// ahead.
    var reached: UInt32 { max(trained?.start.step ?? 0, furthestStep > 0 ? furthestStep - 1 : 0) }

    /// Members of the last roster that are not here and may come back. Who has been replaced will not.
    var missingMembers: [String] {
        (trained?.members ?? []).filter { member in
            !workers.contains { $0.name == member.name || $0.process == member.process }
                && !absent.contains { $0.process == member.process && $0.hasEnded }
        }.map(\.name)
    }

    /// Members that judged a validation otherwise than most did; all of them where no judgement has most voices.
    private var accused: [ProcessNumber] {
        let names = evidence?.halts.flatMap(\.halted.outvoted) ?? []
        return (trained?.members ?? []).filter { names.contains($0.name) }.map(\.process)
    }

    func decision(_ now: UInt64) -> Decision {
        let answers = workers.compactMap { worker in worker.frozen.map { answer(worker, $0) } }
        var fallback = Decision.Fallback.ask
        if let offered {
            fallback = .take(offered)
        } else if !missingMembers.isEmpty, holderWait.map({ now < $0 }) ?? true {
            fallback = .wait
        }
        var decision = Decision(
            answers: answers, lastRoster: trained, vouchers: vouchers + departedVouchers, reached: reached,
            fallback: fallback, policy: policy, minWorkers: stopReason == nil ? configuration.minWorkers : 1,
            admitsAll: admitsAll, rules: rules)
        decision.accused = accused
        decision.silentObservers = workers.count { $0.frozen == nil && isEager($0, now) }
        return decision
    }

    private func answer(_ worker: Worker, _ frozen: Frozen) -> Decision.Answer {
        let isMember = trained.map { roster in roster.members.contains { $0.process == worker.process } } ?? false
        let standing: Decision.Answer.Standing = isMember ? .member : worker.isReady ? .joiner : .bystander
        let first = rosters.first { roster in roster.members.contains { $0.process == worker.process } }
        return Decision.Answer(
            name: worker.name, process: worker.process, standing: standing, isLeaving: worker.leaving != nil,
            seniority: first?.generation ?? UInt32.max, running: worker.running,
            isAdmitted: worker.observation.isGivenUp,
            // What was found while the run worked may be mended since, and nobody is asked again before it works.
            unreachable: admitsAll ? [] : worker.observation.unreachable, frozen: frozen)
    }

    /// All that are expected stand still in this generation, which is not decided.
    mutating func decide(_ generation: UInt32, _ now: UInt64) -> [CoordinatorAction] {
        deadline = nil
        joinersUntil = nil
        isWaiting = false
        let decision = decision(now)
        for answer in decision.answers { evidence?.add(answer.frozen.outOfReach, from: answer.name) }
        switch decision.outcome {
        case .roster(let choice):
            return stopReason == nil
                ? start(choice, generation: generation, now) : collectStopped(choice, generation: generation, now)
        case .waitForHolder:
            let until = holderWait ?? now + 3 * freezeTime
            holderWait = until
            isWaiting = true
            let names = missingMembers.map { $0.escapedForDisplay() }.joined(separator: ", ")
            return pause(
                generation, "nobody here holds the state that the run has come to; waiting for \(names)", now)
        case .fromSnapshot:
            guard stopReason == nil else { return stopNow() }
            let actions = pause(generation, "nobody here holds the state that the run has come to", now)
            guard mode == .paused(generation: generation), !isAsking else { return actions }
            isAsking = true
            return actions + [.offerState]
        case .tooFew(let count):
            let least = max(1, configuration.minWorkers)
            let hopeless = failIfHopeless()
            if !hopeless.isEmpty { return hopeless }
            return pause(
                generation, "\(count) of at least \(least) \(least == 1 ? "worker is" : "workers are") here", now)
        }
    }
}
