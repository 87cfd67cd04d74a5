internal import LockstepCollectives
internal import LockstepCore

/// The connection to the coordinator, and what it says.
extension WorkerCore {
    // MARK: Connections

    /// The shell has said HELLO already: it is the first frame.
    mutating func handleConnected(_ connection: ConnectionNumber, _ now: UInt64) -> [WorkerAction] {
        if let newest, newest >= connection { return [] }
        self.connection = connection
        newest = connection
        isWelcome = false
        hear(now)
        return []
    }

    mutating func handleControlLost(_ reason: String) -> [WorkerAction] {
        leaveConnection()
        let reason = "the coordinator was lost: \(reason.escapedForDisplay())"
        // Who cannot take part has said so; nobody needs it any more.
        if case .unable = state { return exit(.temporary, reason) }
        return [.dialAgain(reason: reason)]
    }

    /// Gives the connection up, and dials again.
    mutating func dropConnection(_ reason: String) -> [WorkerAction] {
        guard let connection else { return [] }
        return [.closeConnection(connection, reason: reason)] + handleControlLost(reason)
    }

    private mutating func leaveConnection() {
        connection = nil
        isWelcome = false
        silentAt = nil
    }

    mutating func handleHeard(_ reportedStep: UInt32, _ now: UInt64) -> [WorkerAction] {
        hear(now)
        guard isWelcome else { return [] }
        unreported.ping(reportedStep)
        return goOnWhenReported(now)
    }

    // MARK: Messages

    mutating func handleMessage(_ message: ControlMessage, _ now: UInt64) -> [WorkerAction] {
        hear(now)
        switch message {
        case .welcome(let welcome): return isWelcome ? [] : handleWelcome(welcome, now)
        case .refused(let reason): return exit(.refused, reason.escapedForDisplay(limit: 1000))
        case .release(let release): return exit(release.exitCode, release.reason.escapedForDisplay(limit: 1000))
        default: return isWelcome ? handleOrder(message, now) : []
        }
    }

    /// From a coordinator that has said who it is.
    private mutating func handleOrder(_ message: ControlMessage, _ now: UInt64) -> [WorkerAction] {
        switch message {
        case .start(let start): return handleStart(start, now)
        case .measure(let measure): return handleMeasure(measure, now)
        case .freeze(let freeze): return handleFreeze(freeze, now)
        case .plan(let change): return handlePlan(change)
        case .fetch(let fetch):
            guard state == .done || state == .frozen, fetch.step == step,
                (1...Fetch.mostShares).contains(fetch.count), (0..<fetch.count).contains(fetch.share)
            else { return [] }
            stage = .snapshot
            return [.sendShare(fetch)]
        case .feed(let feed): return handleFeed(feed)
        case .preflight(let preflight): return handlePreflight(preflight)
        case .ping(let ping):
            // The shell answers, also while this core's thread computes.
            return handleHeard(ping.reportedStep, now)
        case .hello, .prepared, .unable, .linked, .linkDown, .progress, .frozen, .halted, .done, .pong, .measured,
            .leaving, .damage, .feedLost, .observing, .preflighted:
            return exit(.failed, "the coordinator sent \(message.type), which only workers say")
        case .welcome, .refused, .release: return []
        }
    }

    private mutating func handleWelcome(_ welcome: Welcome, _ now: UInt64) -> [WorkerAction] {
        if let run, run != welcome.runIdentifier {
            return exit(
                .temporary, "the coordinator is of another run now, \(welcome.runIdentifier.escapedForDisplay())")
        }
        guard welcome.incarnation >= incarnation else {
            return dropConnection(
                "it is incarnation \(welcome.incarnation) of the coordinator; \(incarnation) was there already")
        }
        run = welcome.runIdentifier
        incarnation = welcome.incarnation
        isWelcome = true
        patienceUntil = now + timing.patience
        guard state == .connecting else { return sayAgain(welcome.reportedStep, now) }
        state = .preparing
        stage = .preparing
        return [.prepare(welcome)]
    }

    /// What may have been lost with an earlier connection, or was said to an earlier coordinator.
    private mutating func sayAgain(_ reportedStep: UInt32, _ now: UInt64) -> [WorkerAction] {
        unreported.resend(after: reportedStep)
        if case .unable(let unable) = state { return send(.unable(unable)) }
        guard let preparation else { return [] }
        var prepared = preparation.prepared
        prepared.holding = holding ?? prepared.holding
        var actions = send(.prepared(prepared))
        if let leaving { actions += send(.leaving(leaving)) }
        actions += flushReports(now)
        if isWorking {
            if state == .measured, let measured { actions += send(.measured(measured)) }
            if isLinked { actions += send(.linked(generation: running)) }
            for report in linksDown { actions += send(.linkDown(report)) }
        }
        if state == .frozen, let frozen { actions += send(.frozen(frozen)) }
        if state == .halted, let halted { actions += send(.halted(halted)) }
        if state == .done, let done { actions += send(.done(done)) }
        if feed != nil || state == .observing { actions += sayObserving() }
        return actions + goOnWhenReported(now)
    }

    // MARK: Coming and going

    mutating func handlePrepared(_ preparation: WorkerPreparation, _ now: UInt64) -> [WorkerAction] {
        self.preparation = preparation
        state = .prepared
        stage = .idle
        let actions = takeOver(preparation.state) + send(.prepared(preparation.prepared))
        // A freeze that came meanwhile is answered now.
        return promised > running ? actions + standStill(now) : actions
    }

    mutating func handleUnable(_ unable: Unable) -> [WorkerAction] {
        state = .unable(unable)
        return send(.unable(unable))
    }

    mutating func handleLeaveRequested(_ reason: String) -> [WorkerAction] {
        guard preparation != nil else { return exit(.temporary, reason) }
        guard leaving == nil else { return [] }
        let leaving = Leaving(reason: reason)
        self.leaving = leaving
        return send(.leaving(leaving))
    }
}
