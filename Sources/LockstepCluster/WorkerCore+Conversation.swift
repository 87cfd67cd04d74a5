internal import LockstepCollectives
internal import LockstepCore

/// What the coordinator says, and the links to the other members.
extension WorkerCore {
    mutating func handleMessage(_ message: ControlMessage, _ now: UInt64) -> [WorkerAction] {
        switch message {
        case .welcome(let welcome):
            guard state == .connecting else { return [] }
            state = .preparing
            stage = .preparing
            heardUntil = now + timing.silence
            return [.prepare(welcome)]
        case .refused(let reason):
            return exit(.refused, reason.escapedForDisplay(limit: 1000))
        case .start(let start):
            return handleStart(start, now)
        case .measure(let measure):
            return handleMeasure(measure, now)
        case .freeze(let generation):
            return handleFreeze(generation, now)
        case .plan(let generation):
            if generation > promised { flag = max(flag, generation) }
            return []
        case .fetch(let fetch):
            guard state == .done || state == .frozen, fetch.step == step, let roster,
                fetch.count == roster.members.count, fetch.share == roster.index(of: identity.name)
            else { return [] }
            stage = .snapshot
            return [.sendShare(fetch)]
        case .release(let release):
            return exit(release.exitCode, release.reason.escapedForDisplay(limit: 1000))
        case .ping:
            // The shell answers, also while this core's thread computes.
            return []
        case .hello, .prepared, .unable, .linked, .linkDown, .progress, .frozen, .halted, .done, .pong, .measured:
            return exit(.failed, "the coordinator sent \(message.type), which only workers say")
        }
    }

    private mutating func handleStart(_ start: Start, _ now: UInt64) -> [WorkerAction] {
        let roster = start.roster
        guard state == .prepared || state == .measured || state == .frozen, let preparation,
            let own = enter(roster, now)
        else { return [] }
        trial = nil
        state = .linking
        stage = .linking
        // A state whose validation was dropped half-way is no S(step).
        guard roster.startStep == step, roster.stateHash == stateHash, step <= preparation.lastStep, isJudged else {
            return halt(.other("\(identity.name) does not hold the state that the generation starts from"), now)
        }
        schedule = TurnSchedule(
            stepsDone: step, lastStep: preparation.lastStep, evaluationBatches: preparation.evaluationBatches,
            validation: preparation.validation, isStopped: isStopping)
        snapshotEverySteps = start.snapshotEverySteps
        evaluation = nil
        copied = nil
        return [.link(start, dial: Array(roster.members[..<own]))] + beginWhenLinked()
    }

    /// Begins the generation of a roster. In a pair the member later in roster order dials the earlier one.
    ///
    /// - Returns: the own place in it, or nil where the roster is none for this process now.
    private mutating func enter(_ roster: Roster, _ now: UInt64) -> Int? {
        guard roster.generation > running, roster.generation >= promised,
            let own = roster.index(of: identity.name), roster.members[own].process == identity.process
        else { return nil }
        running = roster.generation
        promised = roster.generation
        self.roster = roster
        frozen = nil
        missingLinks = roster.members.map(\.name).filter { $0 != identity.name }
        reportedLinks = []
        linkingUntil = missingLinks.isEmpty ? nil : now + linkingTime
        return own
    }

    // MARK: Measuring

    private mutating func handleMeasure(_ measure: Measure, _ now: UInt64) -> [WorkerAction] {
        let roster = measure.roster
        switch state {
        case .prepared, .frozen:
            guard let own = enter(roster, now) else { return [] }
            trial = measure
            state = .measuring(number: measure.number)
            stage = .linking
            if let objection = measure.trial.objection(links: roster.exchange.links) {
                return halt(.other("\(identity.name) cannot measure \(objection)"), now)
            }
            return [.linkToMeasure(measure, dial: Array(roster.members[..<own]))] + beginWhenLinked()
        case .measured:
            guard roster == self.roster, let last = trial?.number, measure.number > last else { return [] }
            trial = measure
            state = .measuring(number: measure.number)
            if let objection = measure.trial.objection(links: roster.exchange.links) {
                return halt(.other("\(identity.name) cannot measure \(objection)"), now)
            }
            return beginTrial()
        default: return []
        }
    }

    private mutating func beginTrial() -> [WorkerAction] {
        guard let trial else { return [] }
        stage = .measuring
        return [.measure(trial)]
    }

    mutating func handleMeasured(_ measured: Measured) -> [WorkerAction] {
        guard state == .measuring(number: measured.number), measured.generation == running else { return [] }
        state = .measured
        return send(.measured(measured))
    }

    private mutating func handleFreeze(_ generation: UInt32, _ now: UInt64) -> [WorkerAction] {
        if state == .frozen, let frozen, frozen.generation == generation { return send(.frozen(frozen)) }
        guard generation > promised else { return [] }
        switch state {
        case .connecting, .preparing, .unable, .ended: return []
        case .updating, .judging, .parking, .freezing:
            // What goes on runs to its end; the promise is answered then.
            promised = generation
            return []
        case .measuring, .measured, .linking, .computing, .exchanging:
            promised = generation
            linkingUntil = nil
            let actions = flushReports(now)
            state = .parking
            return actions + [.park]
        case .prepared, .frozen, .halted, .done:
            promised = generation
            state = .freezing
            return [.hashState]
        }
    }

    // MARK: Links

    mutating func handleLinked(_ peer: String, _ generation: UInt32, _ now: UInt64) -> [WorkerAction] {
        guard isWorking, generation == running else { return [] }
        missingLinks.removeAll { $0 == peer }
        return beginWhenLinked()
    }

    mutating func handleLinkLost(_ peer: String, _ generation: UInt32, _ reason: String) -> [WorkerAction] {
        guard isWorking, generation == running, roster?.index(of: peer) != nil, !reportedLinks.contains(peer) else {
            return []
        }
        reportedLinks.append(peer)
        // Where this worker is tells where the lost one must have been, so it goes first.
        let progress = takeProgress()
        return send(.progress(progress)) + send(.linkDown(LinkDown(generation: running, peer: peer, reason: reason)))
    }

    private mutating func beginWhenLinked() -> [WorkerAction] {
        // Later trials find the links there.
        guard stage == .linking, missingLinks.isEmpty else { return [] }
        switch state {
        case .measuring:
            linkingUntil = nil
            return send(.linked(generation: running)) + beginTrial()
        case .linking:
            guard let schedule else { return [] }
            linkingUntil = nil
            return send(.linked(generation: running)) + begin(schedule.first)
        default: return []
        }
    }
}
