internal import LockstepCore

/// A worker or a link is lost, or a step was not applied: evidence, and a freeze.
extension CoordinatorCore {
    mutating func handleClosed(
        _ connection: ConnectionNumber, _ reason: String, _ now: UInt64
    ) -> [CoordinatorAction] {
        claims.removeAll { $0.connection == connection }
        if let index = workers.firstIndex(where: { $0.bulk == connection }) {
            // The worker opens it again.
            workers[index].bulk = nil
            return []
        }
        guard let index = workers.firstIndex(where: { $0.connection == connection }) else { return [] }
        return remove(index, "its control connection was lost: \(reason.escapedForDisplay())", now) + heedClaims(now)
    }

    mutating func handleProcessEnded(
        _ name: String, _ processIdentifier: Int32, _ description: String, _ now: UInt64
    ) -> [CoordinatorAction] {
        let description = description.escapedForDisplay(limit: 400)
        if let index = workers.firstIndex(where: { $0.name == name && $0.processIdentifier == processIdentifier }) {
            let close = CoordinatorAction.close(workers[index].connection, reason: "its process has ended")
            return [close] + remove(index, description, now, hasEnded: true) + heedClaims(now)
        }
        _ = evidence?.explain(name, processIdentifier, description)
        for index in absent.indices
        where absent[index].name == name && absent[index].processIdentifier == processIdentifier {
            absent[index].hasEnded = true
        }
        // Whoever was waited for may have been this one.
        guard case .paused = mode, isWaiting, missingMembers.isEmpty else { return [] }
        return decideAgain(now)
    }

    mutating func handleRevoked(_ connection: ConnectionNumber, _ now: UInt64) -> [CoordinatorAction] {
        guard let index = workers.firstIndex(where: { $0.connection == connection || $0.bulk == connection }) else {
            return []
        }
        return remove(index, "its certificate was revoked", now, isSettled: true) + heedClaims(now)
    }

    mutating func handleLinkDown(_ index: Int, _ report: LinkDown, _ now: UInt64) -> [CoordinatorAction] {
        let reporter = workers[index].name
        guard report.generation == roster?.generation, isMember(workers[index]) else { return [] }
        workers[index].running = max(workers[index].running, report.generation)
        switch mode {
        case .recovering, .measuring, .running, .planned, .freezing: break
        case .gathering, .paused, .collecting, .writing, .ended: return []
        }
        // The members are done with each other when all their turns are over.
        guard done[reporter] == nil, roster?.index(of: report.peer) != nil else { return [] }
        let reason = report.reason.escapedForDisplay()
        note(Evidence.LostLink(reporter: reporter, peer: report.peer, reason: reason), now)
        let names = "\(reporter.escapedForDisplay()) and \(report.peer.escapedForDisplay())"
        // What it means is said with the verdict.
        let log = CoordinatorAction.log(
            .info, "link lost: between \(names) (\(reason))", metadata: ["worker": reporter.escapedForDisplay()])
        return [log] + react(now)
    }

    mutating func handleHalted(_ index: Int, _ halted: Halted, _ now: UInt64) -> [CoordinatorAction] {
        guard halted.generation == roster?.generation, isMember(workers[index]) else { return [] }
        workers[index].running = max(workers[index].running, halted.generation)
        switch mode {
        case .recovering, .measuring, .running, .planned, .freezing: break
        case .gathering, .paused, .collecting, .writing, .ended: return []
        }
        let name = workers[index].name
        if mode == .measuring {
            let cause = halted.verdict.cause
            return fail(Verdict(stage: .measuring, cause: cause, message: "measuring: \(cause)"))
        }
        if halted.cause.isCertain { return fail(halted.verdict) }
        beginEvidence(now)
        let isFirst = evidence?.halts.isEmpty ?? true
        evidence?.add(halted, of: name)
        let log = CoordinatorAction.log(
            .warning, "worker \(name.escapedForDisplay()) stopped: \(halted.verdict.message)",
            metadata: ["worker": name.escapedForDisplay(), "step": "\(halted.step)"])
        guard case .other(let text) = halted.cause else {
            return (isFirst ? [log] : []) + (halted.cause.isAudit && awaitsLaneVoices ? [] : react(now))
        }
        // What one worker cannot do, others may; what nobody can do ends the run.
        let complaints = evidence?.halts.filter { !$0.halted.cause.isDifference }.map(\.name) ?? []
        if roster?.members.allSatisfy({ complaints.contains($0.name) }) ?? false {
            return [log] + endOrOfferAgain(halted, now)
        }
        return [log] + expel(index, text.escapedForDisplay(limit: 1000), now)
    }

    /// No member can do its part. Where they were to take the state from here, what they got may have been at fault.
    private mutating func endOrOfferAgain(_ halted: Halted, _ now: UInt64) -> [CoordinatorAction] {
        fruitlessLevellings += 1
        guard roster?.holders.isEmpty == true, fruitlessLevellings < Self.mostFruitlessLevellings else {
            return fail(halted.verdict)
        }
        return react(now)
    }

    private static let mostFruitlessLevellings = 3

    // MARK: Giving workers up

    /// A worker broke the rules of the conversation, or cannot take part in it any more. It is told and given up.
    ///
    /// - Parameter place: where it was heard last, for the log; the verdict says where it was lost.
    mutating func expel(
        _ index: Int, _ reason: String, place: String = "", _ now: UInt64, exitCode: ExitCode = .failed
    ) -> [CoordinatorAction] {
        let connection = workers[index].connection
        let release = Release(reason: "the coordinator gave this worker up: \(reason)", exitCode: exitCode)
        // Who is only slow comes back by itself; it is not told to end.
        let farewell: [CoordinatorAction] = exitCode == .temporary ? [] : [.send(connection, .release(release))]
        return farewell + [.close(connection, reason: reason)]
            + remove(index, reason, place: place, now, isSettled: true, hasEnded: exitCode != .temporary)
    }

    /// A worker is not connected any more.
    ///
    /// - Parameters:
    ///   - isSettled: the coordinator gave it up; how its process ends is no better evidence.
    ///   - isWished: it was let go.
    ///   - isSaid: the log says already why.
    ///   - hasEnded: it does not come back.
    mutating func remove(
        _ index: Int, _ cause: String, place: String = "", _ now: UInt64, isSettled: Bool = false,
        isWished: Bool = false, isSaid: Bool = false, hasEnded: Bool? = nil
    ) -> [CoordinatorAction] {
        let worker = workers.remove(at: index)
        speeds.forget(worker.name)
        if let held = worker.frozen?.holding {
            // Its voice counts on, or who disagrees with it would soon be undisputed.
            departedVouchers.append(
                Decision.Voucher(
                    point: held.point, hash: held.hash, source: .process(worker.frozen?.source ?? worker.process)))
        }
        absent.append(
            Absent(
                name: worker.name, process: worker.process, processIdentifier: worker.processIdentifier,
                hasEnded: hasEnded ?? isSettled))
        if absent.count > Self.mostAbsent { absent.removeFirst() }
        var actions: [CoordinatorAction] = []
        if let bulk = worker.bulk { actions.append(.close(bulk, reason: "its worker is gone")) }
        if case .writing = mode { return actions }
        guard mode != .ended else { return actions }
        let name = worker.name.escapedForDisplay()
        let isMissed =
            isMember(worker) && mode != .gathering && mode != .recovering
            && !(isWished && mode != .measuring)
        if isMissed {
            actions.append(.log(.warning, "worker lost: \(name) (\(cause)\(place))", metadata: ["worker": name]))
            note(worker, cause, isSettled: isSettled, now)
            failures += 1
            return actions + reactToLoss(of: worker, now)
        }
        guard !isWished else { return actions }
        // Nobody misses one that observed.
        let isObserver = worker.observation.source != nil
        let text = isObserver ? "is gone; it was observing" : "left before it took part"
        if !isSaid {
            actions.append(
                .log(
                    isObserver ? .info : .warning, "worker \(name) \(text): \(cause)\(place)",
                    metadata: ["worker": name]))
        }
        departures += 1
        if !hasBegun, departures > configuration.departures {
            let message = "\(departures) workers left before the start, the last of them worker \(name): \(cause)"
            return actions + fail(Verdict(worker: worker.name, stage: .preparing, cause: cause, message: message))
        }
        switch mode {
        case .freezing: return actions + decideIfAnswered(now)
        case .gathering: return actions + beginIfReady(now)
        case .recovering: return actions + recover(now)
        default: return actions
        }
    }

    private static let mostAbsent = 4096

    private mutating func reactToLoss(of worker: Worker, _ now: UInt64) -> [CoordinatorAction] {
        if failures > configuration.maxFailures || configuration.purpose != .training {
            judgeAt = min(judgeAt ?? UInt64.max, now + configuration.timing.grace)
        }
        switch mode {
        case .collecting:
            return judgeAt == nil ? collectWithout(worker.name, now) ?? freeze(now) : []
        case .freezing: return decideIfAnswered(now)
        case .paused: return failIfHopeless()
        case .gathering, .recovering, .writing, .ended: return []
        case .measuring, .running, .planned: return react(now)
        }
    }

    /// The generation cannot go on.
    private mutating func react(_ now: UInt64) -> [CoordinatorAction] {
        // All are asked already, or will be when they are back.
        switch mode {
        case .freezing, .recovering: return []
        default: break
        }
        if configuration.purpose != .training {
            judgeAt = min(judgeAt ?? UInt64.max, now + configuration.timing.grace)
        }
        guard judgeAt == nil || configuration.purpose == .training else { return [] }
        if rules.decidesTwice, let trained, mode == .running, isLinking { return decideTwice(trained, now) }
        return freeze(now)
    }

    // MARK: Evidence

    mutating func beginEvidence(_ now: UInt64) { evidence = evidence ?? Evidence(noticedAt: now) }

    /// Where the workers are that are here.
    var places: [Evidence.Place] {
        workers.map { Evidence.Place(name: $0.name, stage: $0.stage, step: $0.step) }
    }

    private mutating func note(_ worker: Worker, _ cause: String, isSettled: Bool, _ now: UInt64) {
        beginEvidence(now)
        let others = members.filter { $0.process != worker.process }
            .map { Evidence.Place(name: $0.name, stage: $0.stage, step: $0.step) }
        let loss = Evidence.Loss(
            name: worker.name, process: worker.process, processIdentifier: worker.processIdentifier,
            stage: worker.stage, step: worker.step, cause: cause, isSettled: isSettled)
        evidence?.add(loss, others: others)
    }

    private mutating func note(_ link: Evidence.LostLink, _ now: UInt64) {
        beginEvidence(now)
        evidence?.add(link)
    }

    /// Nothing gets on.
    mutating func note(_ standstill: Verdict, _ now: UInt64) {
        beginEvidence(now)
        evidence?.add(standstill: standstill)
    }

    /// One verdict on all the evidence, and the end.
    mutating func judge() -> [CoordinatorAction] {
        judgeAt = nil
        guard var verdict = evidence?.verdict(living: places) else { return [] }
        if failures > configuration.maxFailures, configuration.purpose == .training {
            verdict.message +=
                "; it was the \(failures == 1 ? "first" : "last of \(failures)") to be lost, and --max-failures allows "
                + "\(configuration.maxFailures)"
        }
        return conclude(verdict)
    }

    /// The run goes on: what had happened is said once.
    mutating func sayIncident(_ now: UInt64) -> [CoordinatorAction] {
        guard let evidence, let roster else { return [] }
        // What a member says of the new generation before all are linked is the beginning of the next incident.
        guard !evidence.halts.contains(where: { $0.halted.generation == roster.generation }) else { return [] }
        self.evidence = nil
        guard let verdict = evidence.verdict(living: places, reached: roster.start.step) else { return [] }
        incidentCount += 1
        return [
            .incident(
                Incident(verdict: verdict, noticedAt: evidence.noticedAt, resumedAt: now, roster: roster))
        ]
    }

    // MARK: Wrong on purpose

    /// What `decidesTwice` does: the members that are left are told another roster under the same number.
    private mutating func decideTwice(_ last: Roster, _ now: UInt64) -> [CoordinatorAction] {
        let names = members.map(\.name)
        guard !names.isEmpty else { return freeze(now) }
        let start = Holding(
            point: last.start, hash: last.stateHash, wholeHash: last.wholeHash ?? last.stateHash)
        let choice = Decision.Choice(
            members: names, start: start, holders: last.holders.filter(names.contains), distrusted: last.distrusted,
            unreachable: [])
        return self.start(choice, generation: last.generation, now)
    }
}
