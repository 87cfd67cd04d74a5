internal import LockstepCollectives
internal import LockstepCore

/// Between the preparation and the start: a generation in which workers measure how long an all-reduce takes.
extension CoordinatorCore {
    /// What is measured, and what has been.
    struct Measuring: Sendable {
        enum Plan: Sendable {
            /// The trials that are left, the one in hand first.
            case trials([Trial])
            case tuning(ExchangeTuning)
        }

        let roster: Roster
        /// What the generation that trains begins with.
        let prepared: Prepared
        let isClear: Bool
        var plan: Plan
        /// Of the trial in hand.
        var number = 0
        var answers: [TrialResult.Member] = []

        var trial: Trial? {
            switch plan {
            case .trials(let trials): trials.first
            case .tuning(let tuning): tuning.trial
            }
        }
    }

    // MARK: What is measured

    /// - Returns: nil where there is nothing to measure.
    mutating func beginMeasuring(from prepared: Prepared, _ now: UInt64) -> [CoordinatorAction]? {
        let plan: Measuring.Plan
        let links: Int
        var isClear = false
        switch configuration.purpose {
        case .training:
            let tuning = ExchangeTuning(circumstances)
            guard tuning.trial != nil else { return nil }
            plan = .tuning(tuning)
            links = tuning.mostLinks
        case .tuning:
            let tuning = ExchangeTuning(circumstances)
            guard tuning.trial != nil else {
                return [.tuned(tuning.outcome)] + finish(snapshotStep: nil, hash: nil, hasMeasured: true)
            }
            plan = .tuning(tuning)
            links = tuning.mostLinks
        case .trials(let trials, let clear):
            guard !trials.isEmpty else { return finish(snapshotStep: nil, hash: nil, hasMeasured: true) }
            plan = .trials(trials)
            links = trials.map(\.settings.links).max() ?? 1
            isClear = clear
        }
        if let failure = checkOffers(of: links) { return failure }
        let roster = measuringRoster(from: prepared, ExchangeSettings(links: links))
        measuring = Measuring(roster: roster, prepared: prepared, isClear: isClear, plan: plan)
        mode = .measuring
        return sendTrial(now)
    }

    /// A generation that does not train. It is journaled without a whole hash, which tells it from those that do.
    private mutating func measuringRoster(from prepared: Prepared, _ exchange: ExchangeSettings) -> Roster {
        let names = crew
        let ranges = LaneAssignment.ranges(laneCount: configuration.laneCount, workers: names.count) ?? []
        let members = zip(names, ranges).compactMap { name, lanes -> Roster.Member? in
            guard let worker = workers.first(where: { $0.name == name }), let prepared = worker.prepared else {
                return nil
            }
            return Roster.Member(
                name: name, process: worker.process, host: prepared.host, ports: prepared.ports, lanes: lanes)
        }
        let roster = Roster(
            generation: newGeneration(), members: members, start: prepared.holding.point,
            stateHash: prepared.holding.hash, patience: patience.factor, denied: denied, exchange: exchange)
        self.roster = roster
        journal.append(.roster(roster))
        for index in workers.indices {
            workers[index].isLinked = false
            workers[index].frozen = nil
            guard isMember(workers[index]) else { continue }
            workers[index].stage = .linking
            workers[index].step = prepared.holding.point.step
        }
        return roster
    }

    /// How gradients travel where nothing is measured.
    var unmeasuredExchange: ExchangeSettings { ExchangeTuning(circumstances).outcome.settings }

    /// - Returns: how the run ends where a worker cannot make so many links.
    mutating func checkOffers(of links: Int) -> [CoordinatorAction]? {
        guard let worker = crewWorkers.first(where: { ($0.prepared?.ports.count ?? 0) < links }) else { return nil }
        let cause =
            "worker \(worker.name.escapedForDisplay()) offers \(worker.prepared?.ports.count ?? 0) links, "
            + "and \(links) are wanted"
        return fail(Verdict(worker: worker.name, stage: .preparing, cause: cause, message: cause))
    }

    // MARK: Who measures

    private var crewWorkers: [Worker] { crew.compactMap { name in workers.first { $0.name == name } } }

    /// The part of its host that a worker may use: members of one host share its cores out in roster order.
    func hostShare(of worker: Worker, among members: [Worker]) -> HostShare {
        let neighbours = members.filter { $0.host == worker.host }
        return HostShare(
            index: neighbours.firstIndex { $0.process == worker.process } ?? 0, count: max(1, neighbours.count))
    }

    private var circumstances: ExchangeTuning.Circumstances {
        let crew = crewWorkers
        func neighbours(_ worker: Worker) -> Int { max(1, crew.count { $0.host == worker.host }) }
        // The cores that only this worker uses; 0 where it shares them all.
        func ownCores(_ worker: Worker) -> Int {
            worker.hasOwnCores ? worker.cores : worker.cores / neighbours(worker)
        }
        let offered = crew.map { worker in
            min(worker.prepared?.ports.count ?? 1, configuration.exchange.links ?? max(1, ownCores(worker)))
        }
        let spare = crew.map { ownCores($0) - $0.threads }
        let crowding = crew.map { ownCores($0) > 0 ? 1 : neighbours($0) / max(1, $0.cores) }
        return ExchangeTuning.Circumstances(
            elementCount: configuration.elementCount, members: crew.count, wish: configuration.exchange,
            offeredLinks: offered.min() ?? 1, spareCores: spare.min() ?? 0, crowding: crowding.max() ?? 1,
            isThorough: configuration.purpose == .tuning)
    }

    // MARK: One trial after the other

    private mutating func sendTrial(_ now: UInt64) -> [CoordinatorAction] {
        guard let measuring else { return [] }
        pace.begin(now)
        return members.compactMap { measureMessage($0, measuring) }
    }

    private func measureMessage(_ worker: Worker, _ measuring: Measuring) -> CoordinatorAction? {
        guard let trial = measuring.trial else { return nil }
        let measure = Measure(
            roster: measuring.roster, trial: trial, number: measuring.number, isClear: measuring.isClear,
            hostShare: hostShare(of: worker, among: members))
        return .send(worker.connection, .measure(measure))
    }

    /// A member has a new connection, and may not have heard of the trial.
    func resumeMeasuring(_ index: Int, _ now: UInt64) -> [CoordinatorAction] {
        let worker = workers[index]
        guard let measuring, isMember(worker), !measuring.answers.contains(where: { $0.name == worker.name }) else {
            return []
        }
        return measureMessage(worker, measuring).map { [$0] } ?? []
    }

    mutating func handleMeasured(_ index: Int, _ measured: Measured, _ now: UInt64) -> [CoordinatorAction] {
        guard mode == .measuring, var measuring, let trial = measuring.trial,
            measured.generation == measuring.roster.generation, measured.number == measuring.number,
            isMember(workers[index]), !measuring.answers.contains(where: { $0.name == workers[index].name })
        else { return [] }
        if let objection = measured.objection(trial: trial, elementCount: configuration.elementCount) {
            return expel(index, "measured \(objection)", now)
        }
        if measured.wrongSums > 0 {
            let cause =
                "\(measured.wrongSums) of \(trial.elementCount) floats were summed wrongly in an all-reduce"
            let name = workers[index].name
            return fail(
                Verdict(
                    worker: name, stage: .measuring, cause: cause,
                    message: "worker \(name.escapedForDisplay()) (measuring): \(cause)"))
        }
        workers[index].stage = .idle
        measuring.answers.append(TrialResult.Member(name: workers[index].name, measured: measured))
        self.measuring = measuring
        // A loss explains all that follows; its verdict is on the way.
        guard measuring.answers.count == measuring.roster.members.count, judgeAt == nil else { return [] }
        return complete(trial, now)
    }

    private mutating func complete(_ trial: Trial, _ now: UInt64) -> [CoordinatorAction] {
        guard var measuring else { return [] }
        let members = measuring.roster.members.compactMap { member in
            measuring.answers.first { $0.name == member.name }
        }
        let result = TrialResult(trial: trial, members: members)
        measuring.answers = []
        measuring.number += 1
        var actions: [CoordinatorAction] = [.measured(result)]
        switch measuring.plan {
        case .trials(let trials):
            measuring.plan = .trials(Array(trials.dropFirst()))
            self.measuring = measuring
            if measuring.trial == nil { return actions + finish(snapshotStep: nil, hash: nil, hasMeasured: true) }
        case .tuning(var tuning):
            tuning.take(result)
            measuring.plan = .tuning(tuning)
            self.measuring = measuring
            guard tuning.trial == nil else { break }
            let outcome = tuning.outcome
            actions.append(.tuned(outcome))
            secondsPerRoot =
                outcome.bytesPerSecond > 0 ? 4 * Double(configuration.elementCount) / outcome.bytesPerSecond : 0
            if configuration.purpose == .tuning {
                return actions + finish(snapshotStep: nil, hash: nil, hasMeasured: true)
            }
            actions.append(.log(.info, outcome.summary, metadata: [:]))
            return actions + begin(from: measuring.prepared, with: outcome.settings, now)
        }
        for index in workers.indices where isMember(workers[index]) { workers[index].stage = .measuring }
        return actions + sendTrial(now)
    }
}
