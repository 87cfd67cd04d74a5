internal import LockstepCollectives
internal import LockstepCore

/// Workers prepare, and become the first generation.
extension CoordinatorCore {
    /// Workers that are waited for before the first generation: those that were asked for and can still come.
    var awaitedWorkers: Int { max(1, configuration.minWorkers, min(configuration.workers, possibleWorkers)) }

    /// As many as can come: those that were asked for, and spares, less those in quarantine.
    private var possibleWorkers: Int { configuration.workers + configuration.spares - quarantined.count }

    mutating func handlePrepared(_ index: Int, _ prepared: Prepared, _ now: UInt64) -> [CoordinatorAction] {
        guard !workers[index].hasSaidPrepared else { return expel(index, "said PREPARED twice", now) }
        if let objection = prepared.objection {
            return expel(index, "said PREPARED with \(objection)", now)
        }
        if let difference = difference(prepared) { return turnAway(index, difference, now) }
        if !hasBegun, !workers[index].comesPrepared, prepared.holding.point != startPoint {
            return expel(index, "said PREPARED with \(prepared.holding.point), the run begins with \(startPoint)", now)
        }
        workers[index].prepared = prepared
        workers[index].hasSaidPrepared = true
        if prepared.holding.point == StatePoint(step: 0), initial == nil, hasBegun { initial = prepared.holding }
        if !isMember(workers[index]) || mode == .gathering { workers[index].stage = .idle }
        return proceed(index, now)
    }

    /// A worker has become ready, or has a bulk connection again.
    mutating func proceed(_ index: Int, _ now: UInt64) -> [CoordinatorAction] {
        switch mode {
        case .gathering: return beginIfReady(now)
        case .recovering: return recover(now)
        case .freezing(let generation):
            // Who prepares while others freeze is asked too.
            let worker = workers[index]
            guard worker.frozen == nil else { return decideIfAnswered(now) }
            guard worker.hasSaidPrepared else { return [] }
            return [.send(worker.connection, .freeze(freezeMessage(generation)))]
        case .paused: return workers[index].isReady && !isAsking ? freeze(now) : []
        case .measuring, .running, .planned, .collecting, .writing, .ended: return []
        }
    }

    /// What workers hold that come to a run which has not begun.
    private var startPoint: StatePoint { StatePoint(step: configuration.start?.step ?? 0) }

    /// The workers that can begin together.
    private var beginners: [Worker] {
        let point = startPoint
        return workers.filter { worker in
            guard worker.isReady, let prepared = worker.prepared else { return false }
            return prepared.holding.point == point
        }
    }

    /// The first thing in which a worker's preparation differs from the run's.
    private func difference(_ prepared: Prepared) -> String? {
        difference(prepared, planDigest: planDigest ?? prepared.planDigest, probe: probe ?? prepared.probe)
    }

    private func difference(_ prepared: Prepared, planDigest: String, probe: StateHash) -> String? {
        if prepared.planDigest != planDigest {
            return
                "its plan is \(prepared.planDigest.escapedForDisplay(limit: 64)), the run's is "
                + "\(planDigest.escapedForDisplay(limit: 64)); start it with the same program and the same data"
        }
        if prepared.probe != probe {
            return
                "lane 0 of the first step has the gradient \(prepared.probe) there, and \(probe) in the run: "
                + "another program, other data or another processor"
        }
        return nil
    }

    /// Told why it cannot take part. Others may.
    private mutating func turnAway(_ index: Int, _ reason: String, _ now: UInt64) -> [CoordinatorAction] {
        let name = workers[index].name.escapedForDisplay()
        let text = "refused worker \(name): \(reason)"
        let release = Release(reason: "the coordinator refused this worker: \(reason)", exitCode: .refused)
        return [
            .log(.warning, text, metadata: ["worker": name]),
            .send(workers[index].connection, .release(release)),
            .close(workers[index].connection, reason: reason),
        ] + remove(index, "it was refused: \(reason)", now, isSettled: true, isSaid: true)
    }

    /// START, when the workers that were asked for are here, prepared, and have a way for their shares of the state.
    mutating func beginIfReady(_ now: UInt64) -> [CoordinatorAction] {
        guard mode == .gathering, judgeAt == nil, beginners.count >= awaitedWorkers else { return [] }
        var actions: [CoordinatorAction] = []
        guard let common = commonPreparation else { return failDifferent() }
        while let other = beginners.first(where: { !isAlike($0.prepared, common) }), let own = other.prepared,
            let index = index(of: other.process)
        {
            let what =
                difference(own, planDigest: common.planDigest, probe: common.probe)
                ?? "it made the state \(own.holding), the others made \(common.holding)"
            actions += turnAway(index, what, now)
            guard mode == .gathering else { return actions }
        }
        guard beginners.count >= awaitedWorkers else { return actions }
        if let expected = configuration.start,
            common.holding.hash != expected.hash || common.holding.point.step != expected.step
        {
            let cause =
                "the workers made \(common.holding) of the snapshot of step \(expected.step), which is \(expected.hash)"
            return actions + fail(Verdict(stage: .preparing, step: expected.step, cause: cause, message: cause))
        }
        guard awaitedWorkers <= configuration.laneCount else {
            let cause = "\(awaitedWorkers) workers cannot share \(configuration.laneCount) lanes"
            return actions + fail(Verdict(stage: .preparing, cause: cause, message: cause))
        }
        if probe == nil {
            probe = common.probe
            journal.append(.probe(common.probe))
        }
        planDigest = common.planDigest
        if common.holding.point == StatePoint(step: 0) { initial = common.holding }
        if let measuring = beginMeasuring(from: common, now) { return actions + measuring }
        let exchange = unmeasuredExchange
        return actions + (checkOffers(of: exchange.links) ?? begin(from: common, with: exchange, now))
    }

    private func isAlike(_ one: Prepared?, _ other: Prepared) -> Bool {
        one?.planDigest == other.planDigest && one?.probe == other.probe && one?.holding == other.holding
    }

    /// What most of the ready workers have prepared; nil where two camps are as large.
    private var commonPreparation: Prepared? {
        let all = beginners.compactMap(\.prepared)
        let counts = all.map { one in all.count { isAlike($0, one) } }
        guard let most = counts.max() else { return nil }
        let largest = zip(all, counts).filter { $0.1 == most }.map(\.0)
        guard let first = largest.first, largest.allSatisfy({ isAlike($0, first) }) else { return nil }
        return first
    }

    /// Nobody can tell who is right.
    private mutating func failDifferent() -> [CoordinatorAction] {
        let ready = beginners
        func list(_ value: (Prepared) -> String) -> String {
            ready.sorted { $0.name < $1.name }.map { worker in
                "\(worker.name.escapedForDisplay()) "
                    + (worker.prepared.map(value) ?? "none").escapedForDisplay(limit: 64)
            }.joined(separator: ", ")
        }
        let all = ready.compactMap(\.prepared)
        let cause: String
        if !all.allSatisfy({ $0.planDigest == all.first?.planDigest }) {
            cause = "the workers have different plan digests: \(list(\.planDigest)); start all with the same program"
        } else if !all.allSatisfy({ $0.probe == all.first?.probe }) {
            cause = "the workers compute different gradients of lane 0 in the first step: \(list(\.probe.description))"
        } else {
            cause = "the workers have different states at the start: \(list(\.holding.hash.description))"
        }
        return fail(Verdict(stage: .preparing, cause: cause, message: cause))
    }

    /// The workers of the first generation, in the order of their names: as many as are to be members, in order of arrival.
    var crew: [String] {
        beginners.prefix(policy.members(of: beginners.count)).map(\.name)
            .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// The first generation that trains.
    mutating func begin(
        from prepared: Prepared, with exchange: ExchangeSettings, _ now: UInt64
    ) -> [CoordinatorAction] {
        self.exchange = exchange
        lastReported = max(lastReported, prepared.holding.point.step)
        lastEvaluated = max(lastEvaluated, prepared.holding.point.step)
        var actions: [CoordinatorAction] = []
        if configuration.start != nil {
            let source = configuration.resumedFrom.map { " of \($0)" } ?? ""
            let text = "the run goes on from the state after step \(prepared.holding.point.step)\(source)"
            actions.append(.log(.info, text, metadata: ["step": "\(prepared.holding.point.step)"]))
        }
        let names = measuring == nil ? crew : (roster?.members.map(\.name) ?? crew)
        measuring = nil
        let choice = Decision.Choice(
            members: names, start: prepared.holding, holders: names, distrusted: [], unreachable: [])
        return actions + start(choice, generation: newGeneration(), now)
    }

    // MARK: Who cannot take part

    mutating func handleUnable(_ index: Int, _ unable: Unable, _ now: UInt64) -> [CoordinatorAction] {
        let worker = workers[index]
        guard worker.prepared == nil else { return expel(index, "said UNABLE after PREPARED", now) }
        let cause = unable.message.escapedForDisplay(limit: 1000)
        // A run that fails says so, whatever the worker would end with.
        let exitCode: ExitCode =
            switch unable.exitCode {
            case .usage, .failed, .refused, .temporary: unable.exitCode
            case .success, .verification, .interrupted: .failed
            }
        let message = "worker \(worker.name.escapedForDisplay()): \(cause)"
        // What is wrong with the job is wrong for all.
        if !hasBegun, exitCode == .usage {
            return fail(
                Verdict(
                    worker: worker.name, stage: .preparing, cause: cause, message: message, exitCode: exitCode))
        }
        let release = Release(reason: "it cannot take part", exitCode: exitCode)
        return [.send(worker.connection, .release(release))]
            + remove(index, "it cannot take part: \(cause)", now, isSettled: true)
    }

    mutating func handleQuarantined(_ name: String, _ reason: String, _ now: UInt64) -> [CoordinatorAction] {
        guard !quarantined.contains(where: { $0.name == name }) else { return [] }
        quarantined.append((name, reason.escapedForDisplay(limit: 1000)))
        let shown = name.escapedForDisplay()
        let text = "no worker \(shown) is started any more: \(reason.escapedForDisplay(limit: 1000))"
        let actions: [CoordinatorAction] = [.log(.warning, text, metadata: ["worker": shown])]
        let end = failIfHopeless()
        return actions + (end.isEmpty ? beginIfReady(now) : end)
    }

    /// Ends the run where fewer workers can come than it needs.
    mutating func failIfHopeless() -> [CoordinatorAction] {
        guard let last = quarantined.last else { return [] }
        let isStuck =
            switch mode {
            case .gathering, .recovering, .paused, .freezing: true
            case .running, .planned, .measuring, .collecting, .writing, .ended: false
            }
        guard isStuck, possibleWorkers < max(1, configuration.minWorkers),
            workers.count < max(1, configuration.minWorkers)
        else { return [] }
        let name = last.name.escapedForDisplay()
        let least = configuration.minWorkers
        let bound = least > 1 ? "; fewer than --min-workers \(least) are left" : ""
        let message = "worker \(name) cannot be kept running: \(last.reason)\(bound)"
        return conclude(Verdict(worker: last.name, stage: .preparing, cause: last.reason, message: message))
    }
}
