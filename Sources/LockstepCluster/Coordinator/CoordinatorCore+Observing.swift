internal import LockstepCore

/// Processes that are no members: each is fed by one member, until it is wanted.
///
/// Nobody waits for any of this. Who is ready is asked whether it can dial all members; then the member with the fewest
/// observers is told to feed it, and it says itself who feeds it and whether it has caught up.
extension CoordinatorCore {
    /// Members, and those that could become members at once, by what was asked for.
    var policy: SparePolicy {
        SparePolicy(
            workers: configuration.workers, spares: configuration.spares, laneCount: configuration.laneCount)
    }

    /// Whether a generation works, and is not at its end.
    private var isFeeding: Bool {
        mode == .running && stopReason == nil && done.isEmpty && judgeAt == nil && !isLinking
            && configuration.purpose == .training
    }

    /// Who is to observe, in order of arrival: as many as are of use.
    private var candidates: [Worker] {
        let staying = members.count { $0.leaving == nil }
        return Array(joiners.filter { $0.waitsUntil == 0 }.prefix(policy.observers(beside: staying)))
    }

    private var joiners: [Worker] { workers.filter { $0.isReady && $0.leaving == nil && !isMember($0) } }

    /// After every event: preflights and feeds that are due.
    mutating func tendObservers(_ now: UInt64) -> [CoordinatorAction] {
        guard workers.contains(where: { !isMember($0) }), isFeeding, let roster else { return [] }
        for index in workers.indices where now >= workers[index].waitsUntil { workers[index].waitsUntil = 0 }
        var actions: [CoordinatorAction] = []
        for process in candidates.map(\.process) {
            guard let index = index(of: process) else { continue }
            actions += checkReach(index, roster, now) + checkFeed(index, roster, now)
        }
        return actions
    }

    /// When `tendObservers` has something to do.
    var observersDueAt: UInt64? {
        guard mode == .running, let roster else { return nil }
        let joiners = joiners
        guard !joiners.isEmpty, isFeeding else { return nil }
        let pauses = joiners.map(\.waitsUntil).filter { $0 > 0 }
        let dues = candidates.flatMap { worker -> [UInt64] in
            let observation = worker.observation
            let isPausing = observation.source == nil && observation.check == nil && observation.reaches(roster)
            return [
                observation.check?.until, observation.source?.until, isPausing ? observation.nextFeedAt : nil,
            ].compactMap { $0 }
        }
        return (pauses + dues).min()
    }

    // MARK: Preflight

    private mutating func checkReach(_ index: Int, _ roster: Roster, _ now: UInt64) -> [CoordinatorAction] {
        if let check = workers[index].observation.check {
            guard now >= check.until else { return [] }
            workers[index].observation.check = nil
            return postpone(index, "it did not say whether it can reach all members", now)
        }
        guard !workers[index].observation.reaches(roster), workers[index].waitsUntil == 0 else { return [] }
        let limit = patience(configuration.timing.preflight)
        let members = roster.members.map(\.address)
        workers[index].observation.check = Observation.Check(
            generation: roster.generation, members: members, until: now + limit + patience(configuration.timing.feed))
        let preflight = Preflight(generation: roster.generation, members: members, limit: limit)
        // One that had a part in an earlier generation may not know that it is over.
        let halt: [CoordinatorAction] =
            workers[index].running > 0 && workers[index].observation.source == nil
            ? [.send(workers[index].connection, .freeze(freezeMessage(roster.generation)))] : []
        return halt + [.send(workers[index].connection, .preflight(preflight))]
    }

    mutating func handlePreflighted(
        _ index: Int, _ answer: Preflighted, _ now: UInt64
    ) -> [CoordinatorAction] {
        guard !isMember(workers[index]), let failed = workers[index].observation.answer(answer) else { return [] }
        let missed = failed.filter { member in roster?.members.contains { $0.process == member.process } ?? false }
        guard !missed.isEmpty else { return [] }
        let names = missed.prefix(8).map { $0.name.escapedForDisplay() }.joined(separator: ", ")
        return postpone(index, "from there it cannot reach \(names)", now)
    }

    /// A worker stays connected, and asks to join again later.
    mutating func postpone(_ index: Int, _ reason: String, _ now: UInt64) -> [CoordinatorAction] {
        let name = workers[index].name.escapedForDisplay()
        workers[index].waitsUntil = now + configuration.timing.exclusion << UInt64(min(5, workers[index].exclusions))
        workers[index].exclusions += 1
        return [.log(.warning, "worker \(name) is left out for now: \(reason)", metadata: ["worker": name])]
    }

    // MARK: Feeds

    private mutating func checkFeed(_ index: Int, _ roster: Roster, _ now: UInt64) -> [CoordinatorAction] {
        var actions: [CoordinatorAction] = []
        let observation = workers[index].observation
        if let source = observation.source {
            let name = source.name.escapedForDisplay()
            let seconds = (now - min(now, source.since)) / 1_000_000_000
            if !roster.members.contains(where: { $0.process == source.process }) {
                actions += endFeed(index, "\(name) is no member any more", isFault: false, now)
            } else if let until = source.until, now >= until {
                let reason =
                    source.isOpen
                    ? "it has not caught up within \(seconds) s" : "nothing was heard of a feed for \(seconds) s"
                actions += endFeed(index, reason, isFault: true, now)
            } else {
                return []
            }
        }
        guard workers[index].observation.reaches(roster), now >= workers[index].observation.nextFeedAt,
            let source = chooseSource(for: workers[index], roster)
        else { return actions }
        let own = workers[index]
        guard let prepared = own.prepared else { return actions }
        workers[index].observation.begin(
            roster.members[source].address, now, until: now + patience(configuration.timing.feed))
        let address = WorkerAddress(
            name: own.name, process: own.process, host: prepared.host, ports: prepared.ports)
        guard let member = self.index(of: roster.members[source].process) else { return actions }
        return actions + [.send(workers[member].connection, .feed(Feed(observer: address)))]
    }

    /// The member that feeds it: one that has not failed it before, with as few observers as any; its place in the roster.
    private func chooseSource(for observer: Worker, _ roster: Roster) -> Int? {
        func cost(_ place: Int) -> (Int, Int, Int, Int) {
            let process = roster.members[place].process
            let worker = workers.first { $0.process == process }
            let isBad = worker.map { $0.leaving != nil || $0.isSuspected } ?? true
            return (
                isBad ? 1 : 0, observer.observation.failedSources.count { $0 == process },
                workers.count { $0.observation.source?.process == process }, place
            )
        }
        return roster.members.indices.filter { index(of: roster.members[$0].process) != nil }
            .min { cost($0) < cost($1) }
    }

    /// A copy is made between two turns, and the first step that follows it is fed at the end of the next one.
    private var catchUpTime: UInt64 {
        let timing = configuration.timing
        return patience(max(timing.catchUp, timing.standstillTurns * pace.longestTurn))
            + UInt64(configuration.elementCount) * 16 * 50
    }

    /// A feed has ended. Another one begins with `tendObservers`.
    private mutating func endFeed(
        _ index: Int, _ reason: String, isFault: Bool, _ now: UInt64
    ) -> [CoordinatorAction] {
        let wasGivenUp = workers[index].observation.isGivenUp
        let wasOpen = workers[index].observation.source?.isOpen ?? false
        workers[index].observation.end(now, isFault: isFault)
        let name = workers[index].name.escapedForDisplay()
        let text =
            wasOpen ? "worker \(name) observes no more: \(reason)" : "worker \(name) is not fed: \(reason)"
        var actions: [CoordinatorAction] = [.log(.info, text, metadata: ["worker": name])]
        if !wasGivenUp, workers[index].observation.isGivenUp {
            let text = "worker \(name) could not be fed: it copies the state when it becomes a member"
            actions.append(.log(.warning, text, metadata: ["worker": name]))
        }
        return actions
    }

    mutating func handleFeedLost(_ index: Int, _ lost: FeedLost, _ now: UInt64) -> [CoordinatorAction] {
        let source = workers[index].process
        guard let observer = self.index(of: lost.process),
            workers[observer].observation.source?.process == source
        else { return [] }
        return endFeed(observer, lost.reason.escapedForDisplay(limit: 400), isFault: true, now)
    }

    mutating func handleObserving(_ index: Int, _ observing: Observing, _ now: UInt64) -> [CoordinatorAction] {
        guard let roster, !isMember(workers[index]) else { return [] }
        let name = workers[index].name.escapedForDisplay()
        guard let source = observing.source else {
            // Where its feed is not open yet, this is about an earlier one.
            guard workers[index].observation.source?.isOpen == true else { return [] }
            let reason = observing.reason?.escapedForDisplay(limit: 400) ?? "its feed has ended"
            return endFeed(index, reason, isFault: true, now)
        }
        // A member of an earlier generation stops feeding by itself.
        guard let member = roster.members.first(where: { $0.name == source }) else { return [] }
        let (isOpen, isCaughtUp) = workers[index].observation.take(
            observing, from: member.address, now, until: now + catchUpTime)
        var actions: [CoordinatorAction] = []
        if isOpen {
            let text = "worker \(name) observes; \(source.escapedForDisplay()) feeds it"
            actions.append(.log(.info, text, metadata: ["worker": name]))
        }
        if isCaughtUp {
            let kept = role(of: workers[index], now) == .spare ? " and is kept as a spare" : ""
            let text = "worker \(name) has caught up with step \(observing.point.step)\(kept)"
            actions.append(
                .log(.info, text, metadata: ["worker": name, "step": "\(observing.point.step)"]))
        }
        return actions
    }

    // MARK: Who is wanted

    /// Whether it can become a member at once: it holds what the members hold, or nobody could feed it.
    func isEager(_ worker: Worker, _ now: UInt64) -> Bool {
        guard let roster, worker.isReady, worker.leaving == nil, !isMember(worker), now >= worker.waitsUntil,
            worker.observation.reaches(roster)
        else { return false }
        let observation = worker.observation
        // One that lags for a moment while others are waited for is taken along.
        return observation.isCaughtUp || observation.isGivenUp || changeWantedAt != nil && observation.hasCaughtUp
    }

    /// The processes that are to become members with the next change.
    func wantedJoiners(_ now: UInt64) -> [ProcessNumber] {
        let eager = workers.filter { isEager($0, now) }
        guard !eager.isEmpty else { return [] }
        let staying = members.count { $0.leaving == nil }
        let count = policy.members(of: staying + eager.count) - staying
        return eager.prefix(max(0, count)).map(\.process)
    }

    func role(of worker: Worker, _ now: UInt64) -> WorkerRole {
        if isMember(worker) { return .member }
        let observation = worker.observation
        if observation.isCaughtUp, isEager(worker, now), !wantedJoiners(now).contains(worker.process) { return .spare }
        return observation.source != nil ? .observer : .waiting
    }

    /// Whose voice it is that speaks when a worker says what the members agreed on.
    func voice(of worker: Worker) -> ProcessNumber {
        isMember(worker) ? worker.process : worker.observation.source?.process ?? worker.process
    }
}
