internal import LockstepCollectives
internal import LockstepCore

/// A generation begins: its links, and the state that it starts from.
extension WorkerCore {
    /// Whether it stands still, so that a generation may begin.
    private var isStill: Bool { state == .prepared || state == .measured || state == .frozen }

    mutating func handleStart(_ start: Start, _ now: UInt64) -> [WorkerAction] {
        let roster = start.roster
        guard isStill, let preparation, enter(roster, now) else { return [] }
        let actions = leaveFeed() + endDoubtfulFeeds()
        trial = nil
        measured = nil
        state = .linking
        stage = .linking
        snapshotEverySteps = start.snapshotEverySteps
        guard let schedule = schedule(from: roster.start, preparation) else {
            return actions + halt(.other("\(identity.name) knows no \(roster.start) of this job"), now)
        }
        guard lacks(roster) || holds(roster) else {
            return actions
                + halt(.other("\(identity.name) does not hold the state that the generation starts from"), now)
        }
        self.schedule = schedule
        return actions + [.link(start)] + goOnWhenLinked()
    }

    /// Begins the generation of a roster, if it is one for this process now.
    private mutating func enter(_ roster: Roster, _ now: UInt64) -> Bool {
        guard roster.generation > running, roster.generation >= promised,
            let own = roster.index(of: identity.name), roster.members[own].process == identity.process
        else { return false }
        running = roster.generation
        promised = roster.generation
        self.roster = roster
        silences = 0
        for member in roster.members { observers.remove(member.process) }
        if roster.distrusted.contains(identity.process) { isDistrusted = true }
        frozen = nil
        seen = nil
        halted = nil
        done = nil
        applying = nil
        copied = nil
        evaluation = nil
        validation = []
        judgement = nil
        isParked = false
        isLinked = false
        lostLinks = []
        linksDown = []
        missingLinks = roster.members.map(\.name).filter { $0 != identity.name }
        linkingUntil = missingLinks.isEmpty ? nil : now + linkingTime
        return true
    }

    /// The turns from a state on; nil where the job has no such state.
    private func schedule(from start: StatePoint, _ preparation: WorkerPreparation) -> TurnSchedule? {
        guard start.step <= preparation.lastStep else { return nil }
        func schedule(isJudged: Bool) -> TurnSchedule {
            TurnSchedule(
                stepsDone: start.step, isJudged: isJudged, lastStep: preparation.lastStep,
                evaluationBatches: preparation.evaluationBatches, validation: preparation.validation,
                isStopped: isStopping && start == point)
        }
        if start.isJudged { return schedule(isJudged: true) }
        return schedule(isJudged: true).isValidated(afterStep: start.step) ? schedule(isJudged: false) : nil
    }

    // MARK: Links

    /// A member's next control record says that the generation is wanted; an observer stands still when its source does. Those
    /// that are dialled when it begins are dialled now.
    mutating func handlePlan(_ change: PlannedChange) -> [WorkerAction] {
        guard change.generation > promised else { return [] }
        flag = max(flag, change.generation)
        guard preparation != nil, change.members.dropFirst().contains(where: { $0.process == identity.process }) else {
            return []
        }
        return [.linkAhead(change)]
    }

    mutating func handleLinked(_ peer: String, _ generation: UInt32, _ now: UInt64) -> [WorkerAction] {
        guard isWorking, generation == running else { return [] }
        missingLinks.removeAll { $0 == peer }
        return goOnWhenLinked()
    }

    mutating func handleLinkLost(
        _ peer: String, _ generation: UInt32, _ reason: String, _ now: UInt64
    ) -> [WorkerAction] {
        guard generation == running, !isParked, roster?.index(of: peer) != nil, peer != identity.name else { return [] }
        noteLost(peer)
        guard isWorking, !linksDown.contains(where: { $0.peer == peer }) else { return [] }
        let report = LinkDown(generation: running, peer: peer, reason: reason)
        linksDown.append(report)
        let reports = flushReports(now)
        // Where this worker is tells where the lost one must have been. Said before, it would tell that a turn is over.
        let place = reports.isEmpty ? flushReports(now, evenIfNone: true) : []
        return reports + send(.linkDown(report)) + place
    }

    private mutating func goOnWhenLinked() -> [WorkerAction] {
        // Later trials find the links there.
        guard !isLinked, missingLinks.isEmpty, let roster else { return [] }
        switch state {
        case .measuring:
            linkingUntil = nil
            isLinked = true
            return send(.linked(generation: running)) + beginTrial()
        case .linking:
            linkingUntil = nil
            isLinked = true
            return send(.linked(generation: running)) + (lacks(roster) ? level(roster) : serve(roster) + beginFirst())
        default: return []
        }
    }

    // MARK: Levelling

    /// Whether the state is the one that the generation starts from.
    private func holds(_ roster: Roster) -> Bool {
        holding.map { $0.isStart(of: roster) && !isDistrusted } ?? false
    }

    /// Whether the state must be copied. The holders serve all others, so it does not matter what another one has.
    private func lacks(_ roster: Roster) -> Bool { !roster.holders.contains(identity.name) }

    private mutating func level(_ roster: Roster) -> [WorkerAction] {
        state = .levelling
        stage = .levelling
        return [.level(roster)]
    }

    private func serve(_ roster: Roster) -> [WorkerAction] {
        roster.members.contains { !roster.holders.contains($0.name) } ? [.serve(roster)] : []
    }

    mutating func handleLevelled(_ held: HeldState, _ now: UInt64) -> [WorkerAction] {
        let actions = takeOver(held)
        guard let roster, let preparation, held.holding.isStart(of: roster),
            let schedule = schedule(from: roster.start, preparation)
        else {
            return actions
                + halt(.other("\(identity.name) copied \(held.holding), another state than the start's"), now)
        }
        self.schedule = schedule
        return actions + beginFirst()
    }

    mutating func handleLevellingFailed(_ peer: String?, _ reason: String, _ now: UInt64) -> [WorkerAction] {
        guard let peer else { return halt(.other(reason), now) }
        return handleLinkLost(peer, running, reason, now)
    }

    /// The shell holds this state from now on.
    mutating func takeOver(_ held: HeldState) -> [WorkerAction] {
        holding = held.holding
        step = held.holding.point.step
        isJudged = held.holding.point.isJudged
        isStopping = held.isStopped
        bestStep = held.isBest ? step : nil
        epoch = held.epoch
        lastEpoch = held.epochSums
        epochSampleSum = held.epochSampleSum
        lastHash = nil
        agreedHash = nil
        isDistrusted = false
        isConfirmed = true
        fedBy = nil
        copiedIn = nil
        return []
    }

    private mutating func beginFirst() -> [WorkerAction] { schedule.map { begin($0.first) } ?? [] }

    // MARK: Measuring

    mutating func handleMeasure(_ measure: Measure, _ now: UInt64) -> [WorkerAction] {
        switch state {
        case .prepared, .frozen:
            guard preparation != nil, enter(measure.roster, now) else { return [] }
            let actions = leaveFeed()
            take(measure)
            stage = .linking
            return actions + (objection(to: measure, now) ?? [.linkToMeasure(measure)] + goOnWhenLinked())
        case .measured:
            guard measure.roster == roster, let last = trial?.number, measure.number > last else { return [] }
            take(measure)
            return objection(to: measure, now) ?? beginTrial()
        default: return []
        }
    }

    private mutating func take(_ measure: Measure) {
        trial = measure
        measured = nil
        state = .measuring(number: measure.number)
    }

    private mutating func objection(to measure: Measure, _ now: UInt64) -> [WorkerAction]? {
        guard let objection = measure.trial.objection(links: measure.roster.exchange.links) else { return nil }
        return halt(.other("\(identity.name) cannot measure \(objection)"), now)
    }

    private mutating func beginTrial() -> [WorkerAction] {
        guard let trial else { return [] }
        stage = .measuring
        return [.measure(trial)]
    }

    mutating func handleMeasured(_ measured: Measured) -> [WorkerAction] {
        guard state == .measuring(number: measured.number), measured.generation == running else { return [] }
        state = .measured
        self.measured = measured
        return send(.measured(measured))
    }
}
