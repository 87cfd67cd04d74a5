internal import LockstepCollectives
internal import LockstepCore

/// A decision becomes a roster, and the roster a generation.
extension CoordinatorCore {
    mutating func start(_ choice: Decision.Choice, generation: UInt32, _ now: UInt64) -> [CoordinatorAction] {
        var choice = choice
        if rules.usesReportedStep { choice.start.point.step = lastReported }
        let roster = makeRoster(choice, generation: generation)
        var actions = noteLineage(roster)
        self.roster = roster
        trained = roster
        journal.append(.roster(roster))
        remember(roster)
        mode = .running
        deadline = nil
        joinersUntil = nil
        admitsAll = false
        holderWait = nil
        offered = nil
        isAsking = false
        pauseReason = nil
        done = [:]
        departedVouchers = []
        unanswered = [:]
        generationCount += 1
        pace.start(from: roster.start.step, now)
        for name in choice.unreachable {
            guard let index = workers.firstIndex(where: { $0.name == name }) else { continue }
            actions += postpone(index, "not all others can be reached from there", now)
        }
        actions += postponeExpected(now)
        actions += fillReports(upTo: roster.start.step)
        for index in workers.indices {
            workers[index].isLinked = false
            workers[index].frozen = nil
            workers[index].waitingFor = []
            guard isMember(workers[index]) else {
                let isDistrusted = roster.distrusted.contains(workers[index].process)
                workers[index].observation.enter(roster, isDistrusted: isDistrusted)
                continue
            }
            workers[index].exclusions = 0
            workers[index].observation = Observation()
            workers[index].stage = .linking
            workers[index].step = roster.start.step
            actions.append(.send(workers[index].connection, .start(start(for: index, roster))))
        }
        actions.append(hasBegun ? .generationBegins(roster) : .workersReady(roster))
        hasBegun = true
        return actions + releaseLeavers(now)
    }

    private func makeRoster(_ choice: Decision.Choice, generation: UInt32) -> Roster {
        let names = choice.members
        let exchange = exchange(for: names)
        let ranges =
            speeds.ranges(laneCount: configuration.laneCount, members: names, secondsPerRoot: secondsPerRoot)
            ?? LaneAssignment.ranges(laneCount: configuration.laneCount, workers: names.count) ?? []
        let members = zip(names, ranges).compactMap { name, lanes -> Roster.Member? in
            guard let worker = workers.first(where: { $0.name == name }) else { return nil }
            let address = address(of: worker)
            return Roster.Member(
                name: name, process: worker.process, host: address.host, ports: address.ports, lanes: lanes)
        }
        return Roster(
            generation: generation, members: members, start: choice.start.point, stateHash: choice.start.hash,
            wholeHash: choice.start.wholeHash, holders: choice.holders, distrusted: choice.distrusted,
            patience: patience.factor, denied: denied, exchange: exchange,
            auditEverySteps: configuration.auditEverySteps)
    }

    /// Where others dial it. One that has come back says so again only after its WELCOME.
    func address(of worker: Worker) -> WorkerAddress {
        let known = trained?.members.first { $0.process == worker.process }
        return WorkerAddress(
            name: worker.name, process: worker.process, host: worker.prepared?.host ?? known?.host ?? "",
            ports: worker.prepared?.ports ?? known?.ports ?? [])
    }

    /// As it was tuned, with as many links as all members offer.
    func exchange(for names: [String]) -> ExchangeSettings {
        var settings = exchange ?? ExchangeSettings()
        let offers = names.compactMap { name in
            workers.first { $0.name == name }.map { address(of: $0).ports.count }
        }
        settings.links = names.count == 1 ? 1 : max(1, min(settings.links, offers.min() ?? 1))
        return settings
    }

    func start(for index: Int, _ roster: Roster) -> Start {
        Start(
            roster: roster, snapshotEverySteps: configuration.snapshotEverySteps,
            hostShare: hostShare(of: workers[index], among: members),
            traceContext: configuration.welcome.traceContext)
    }

    /// A change was made for them, and they have no part in it: the next one is not made at once.
    private mutating func postponeExpected(_ now: UInt64) -> [CoordinatorAction] {
        var actions: [CoordinatorAction] = []
        for index in workers.indices where workers[index].isExpected {
            workers[index].isExpected = false
            guard evidence == nil, !isMember(workers[index]), now >= workers[index].waitsUntil else { continue }
            workers[index].observation.miss()
            actions += postpone(index, "it did not hold the state that the others go on from", now)
        }
        return actions
    }

    /// A generation that begins with less than the run had come to redoes what is missing.
    private mutating func noteLineage(_ roster: Roster) -> [CoordinatorAction] {
        let step = roster.start.step
        // What was reported of an earlier attempt is no state that anybody here ever had.
        guard hasBegun || trained != nil else {
            furthestStep = step
            return []
        }
        guard step < reached else {
            furthestStep = max(furthestStep, step)
            return []
        }
        let text = "the run falls back from step \(furthestStep) to step \(step)"
        furthestStep = step
        return [.log(.warning, text, metadata: ["step": "\(step)"])]
    }

    // MARK: What is remembered

    /// What earlier incarnations have put on record.
    mutating func recall(_ history: JournalHistory) {
        for roster in history.rosters { remember(roster) }
        for snapshot in history.snapshots { remember(snapshot.step, snapshot.hash) }
        initial = history.rosters.first { $0.start == StatePoint(step: 0) && $0.wholeHash != nil }
            .flatMap { roster in
                roster.wholeHash.map { Holding(point: roster.start, hash: roster.stateHash, wholeHash: $0) }
            }
    }

    private mutating func remember(_ roster: Roster) {
        add(Decision.Voucher(point: roster.start, hash: roster.stateHash, source: .roster))
    }

    /// A committed snapshot.
    mutating func remember(_ step: UInt32, _ hash: StateHash) {
        add(Decision.Voucher(point: StatePoint(step: step), hash: hash, source: .snapshot))
    }

    private static let mostVouchers = 1024

    mutating func add(_ voucher: Decision.Voucher) {
        if vouchers.contains(voucher) { return }
        vouchers.append(voucher)
        // Nobody will hold what is that old.
        if vouchers.count > Self.mostVouchers { vouchers.removeFirst(Self.mostVouchers / 2) }
    }

    // MARK: Wrong on purpose

    /// What `startsWithoutFreeze` does: whoever is connected goes on from what was reported.
    mutating func startWithoutFreeze(_ last: Roster, _ now: UInt64) -> [CoordinatorAction] {
        let names = members.map(\.name)
        guard !names.isEmpty else { return pause(newGeneration(), "0 of at least 1 worker is here", now) }
        let newest = vouchers.filter { $0.point.step <= lastReported }.max { $0.point < $1.point }
        let held = Holding(
            point: StatePoint(step: lastReported), hash: newest?.hash ?? last.stateHash,
            wholeHash: last.wholeHash ?? last.stateHash)
        let choice = Decision.Choice(
            members: names, start: held, holders: names, distrusted: [], unreachable: [])
        return start(choice, generation: newGeneration(), now)
    }
}

extension JournalRecord {
    var roster: Roster? { if case .roster(let roster) = self { roster } else { nil } }
}
