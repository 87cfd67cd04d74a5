internal import LockstepCore

/// Time: who is silent, and what is due.
extension CoordinatorCore {
    /// When the next `tick` is wanted, in the same nanoseconds as `now`; nil for none.
    package var nextDeadline: UInt64? {
        guard mode != .ended else { return nil }
        // After every event: no arrays are made for it.
        var next: UInt64?
        func note(_ time: UInt64?) {
            guard let time else { return }
            next = min(next ?? time, time)
        }
        note(judgeAt)
        note(stopAt)
        note(pingAt)
        let suspicion = patience(configuration.timing.suspicion)
        let silence = patience(configuration.timing.silence)
        for index in workers.indices {
            note(workers[index].lastHeard + (workers[index].isSuspected ? silence : suspicion))
        }
        note(standstillAt)
        note(deadline)
        note(joinersAt)
        note(pausedUntil)
        note(fruitlessAt)
        note(nextWish)
        note(observersDueAt)
        note(lateAt)
        for claim in claims { note(claim.until) }
        return next
    }

    /// When joiners that were wanted are waited for no longer.
    private var joinersAt: UInt64? {
        if case .freezing = mode { joinersUntil } else { nil }
    }

    private var pausedUntil: UInt64? {
        guard case .paused = mode, isWaiting else { return nil }
        return holderWait
    }

    func nextPing() -> Ping { Ping(nonce: nextNonce, reportedStep: lastReported) }

    /// A worker said something.
    mutating func hear(_ index: Int, _ now: UInt64) -> [CoordinatorAction] {
        workers[index].lastHeard = now
        guard workers[index].isSuspected else { return [] }
        workers[index].isSuspected = false
        let name = workers[index].name.escapedForDisplay()
        return [.log(.info, "worker \(name) is heard again", metadata: ["worker": name])]
    }

    mutating func handleTick(_ now: UInt64) -> [CoordinatorAction] {
        if let judgeAt, now >= judgeAt { return judge() }
        if let stopAt, now >= stopAt { return sayWhoHeldUpTheStop(now) + stopNow() }
        var actions = heedClaims(now) + dropSilentConnections(now) + dropLate(now)
        if mode != .ended, let deadline, now >= deadline { actions += handleDeadline(now) }
        if mode != .ended, let joinersAt, now >= joinersAt { actions += stopWaitingForJoiners(now) }
        if mode != .ended, let fruitlessAt, now >= fruitlessAt { actions += stopWaiting(now) }
        if mode != .ended, let pausedUntil, now >= pausedUntil { actions += decideAgain(now) }
        if mode != .ended, let standstillAt, now >= standstillAt { actions += handleStandstill(now) }
        guard mode != .ended, let pingAt, now >= pingAt else { return actions }
        self.pingAt = now + configuration.timing.pingInterval
        for worker in workers {
            actions.append(.send(worker.connection, .ping(nextPing())))
            nextNonce += 1
        }
        return actions
    }

    private mutating func handleDeadline(_ now: UInt64) -> [CoordinatorAction] {
        switch mode {
        case .freezing: return dropSilent(now)
        case .planned: return giveUpPlan(now)
        case .recovering: return stopWaiting(now)
        case .paused where !isAsking: return freeze(now)
        case .gathering, .measuring, .running, .paused, .collecting, .writing, .ended:
            deadline = nil
            return []
        }
    }

    private mutating func dropSilentConnections(_ now: UInt64) -> [CoordinatorAction] {
        var actions: [CoordinatorAction] = []
        let timing = configuration.timing
        while mode != .ended,
            let index = workers.firstIndex(where: { now >= $0.lastHeard + patience(timing.silence) })
        {
            let place = Evidence.place(workers[index].stage, of: workers[index].step)
            let seconds = patience(timing.silence) / 1_000_000_000
            actions += expel(
                index, "no answer for \(seconds) s", place: ", last in \(place)", now, exitCode: .temporary)
        }
        for index in workers.indices
        where !workers[index].isSuspected && now >= workers[index].lastHeard + patience(timing.suspicion) {
            workers[index].isSuspected = true
            pace.disturb()
            let name = workers[index].name.escapedForDisplay()
            let seconds = patience(timing.suspicion) / 1_000_000_000
            let place = Evidence.place(workers[index].stage, of: workers[index].step)
            let text = "worker \(name) has said nothing for \(seconds) s, last in \(place)"
            actions.append(.log(.warning, text, metadata: ["worker": name]))
        }
        return actions
    }
}
