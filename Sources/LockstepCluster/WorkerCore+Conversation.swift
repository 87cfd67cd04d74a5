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
        case .hello, .prepared, .unable, .linked, .linkDown, .progress, .frozen, .halted, .done, .pong:
            return exit(.failed, "the coordinator sent \(message.type), which only workers say")
        }
    }

    private mutating func handleStart(_ start: Start, _ now: UInt64) -> [WorkerAction] {
        let roster = start.roster
        guard state == .prepared || state == .frozen, roster.generation > running, roster.generation >= promised,
            let preparation, let own = roster.index(of: identity.name), roster.members[own].process == identity.process
        else { return [] }
        running = roster.generation
        promised = roster.generation
        self.roster = roster
        frozen = nil
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
        // In a pair the member later in roster order dials the earlier one.
        let dial = Array(roster.members[..<own])
        missingLinks = roster.members.map(\.name).filter { $0 != identity.name }
        reportedLinks = []
        linkingUntil = missingLinks.isEmpty ? nil : now + timing.linking
        return [.link(start, dial: dial)] + beginWhenLinked()
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
        case .linking, .computing, .exchanging:
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
        guard state == .linking, generation == running else { return [] }
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
        guard state == .linking, missingLinks.isEmpty, let schedule else { return [] }
        linkingUntil = nil
        return send(.linked(generation: running)) + begin(schedule.first)
    }
}
