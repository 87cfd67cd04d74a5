internal import LockstepCore

/// How a run ends.
extension CoordinatorCore {
    /// The run is over, with all steps done or stopped. Everybody is released.
    mutating func finish(snapshotStep: UInt32?, hash: StateHash?, hasMeasured: Bool = false) -> [CoordinatorAction] {
        let exitCode: ExitCode = stopReason == nil ? .success : .temporary
        let members = (roster?.members ?? []).map { member in
            RunResult.MemberResult(name: member.name, lanes: member.lanes, done: done[member.name])
        }
        let lanes = lanesComputed.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            .map { RunResult.LaneCount(name: $0.key, lanes: $0.value) }
        let result = RunResult(
            outcome: stopReason.map { .stopped(reason: $0) } ?? (hasMeasured ? .measured : .completed),
            snapshotStep: snapshotStep, hash: hash, members: members, lanesComputed: lanes,
            lanesAudited: lanesAudited,
            incidents: incidentCount, generations: generationCount, exitCode: exitCode)
        let reason =
            stopReason.map { "the run was stopped: \($0)" } ?? (hasMeasured ? "all is measured" : "the run is finished")
        // Its workers are released: who takes the run over need not wait for them.
        if stopReason != nil { journal.append(.verdict(Verdict(cause: reason, message: reason, exitCode: exitCode))) }
        return end(Release(reason: reason, exitCode: exitCode)) + [.finish(result)]
    }

    mutating func fail(_ verdict: Verdict) -> [CoordinatorAction] {
        journal.append(.verdict(verdict))
        return end(Release(reason: verdict.message, exitCode: .failed)) + [.fail(verdict)]
    }

    /// Fails, unless someone has asked for the end: who does often ends the workers too, and that is no failure.
    mutating func conclude(_ verdict: Verdict) -> [CoordinatorAction] {
        guard let wish = stopReason ?? lateStopReason else { return fail(verdict) }
        stopReason = "\(wish); there is no snapshot, because \(verdict.message)"
        return finish(snapshotStep: nil, hash: nil)
    }

    private mutating func end(_ release: Release) -> [CoordinatorAction] {
        mode = .ended
        parting = release
        return (workers.map(\.connection) + claims.map(\.connection)).map { .send($0, .release(release)) }
    }

    mutating func handleAfterEnd(_ event: CoordinatorEvent) -> [CoordinatorAction] {
        if case .snapshotWritten(let step, let digest) = event { return handleWritten(step, digest) }
        guard case .helloReceived(let connection, _, _) = event, let parting else { return [] }
        return [.send(connection, .release(parting))]
    }

    // MARK: Asked to stop

    mutating func handleStop(_ reason: String, _ now: UInt64) -> [CoordinatorAction] {
        guard stopReason == nil, lateStopReason == nil else { return [] }
        if judgeAt != nil {
            // What ended the worker may be what asks for the end now.
            lateStopReason = reason
            return []
        }
        switch mode {
        case .recovering where workers.contains(where: \.isOld):
            // What they hold may be newer than the newest snapshot.
            stopReason = reason
            return freezeAnew(now)
        case .gathering, .recovering, .measuring:
            stopReason = reason
            return finish(snapshotStep: nil, hash: nil)
        case .running:
            stopReason = reason
            setStopLimits(now)
            return plan(now)
        case .planned:
            stopReason = reason
            setStopLimits(now)
            return []
        case .freezing:
            stopReason = reason
            setStopLimits(now)
            shortenFreeze(now)
            return []
        case .paused(let generation):
            stopReason = reason
            setStopLimits(now)
            return decide(generation, now)
        case .collecting:
            // The run is complete but for its snapshot, which is worth a moment.
            lateStopReason = reason
            stopAt = now + configuration.timing.stop
            return []
        case .writing, .ended: return []
        }
    }

    /// All stand still before the state is collected; where the run is being stopped, within the time for that.
    mutating func freezeAnew(_ now: UInt64) -> [CoordinatorAction] {
        if stopping != nil { setStopLimits(now) }
        let actions = freeze(now)
        if stopping != nil { shortenFreeze(now) }
        return actions
    }

    private mutating func setStopLimits(_ now: UInt64) {
        stopAt = now + configuration.timing.stop
        stopLimit = now + configuration.timing.stopInValidation
    }

    /// Who stands still holds the state, and the time for it runs.
    private mutating func shortenFreeze(_ now: UInt64) {
        if case .freezing = mode { deadline = deadline.map { min($0, now + configuration.timing.stop / 2) } }
    }

    /// Time for a stop runs out.
    mutating func stopNow() -> [CoordinatorAction] {
        stopReason = stopReason ?? lateStopReason
        return finish(snapshotStep: nil, hash: nil)
    }
}
