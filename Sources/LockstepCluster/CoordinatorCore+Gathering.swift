internal import LockstepCollectives
internal import LockstepCore

/// Workers arrive, prepare, and become a generation.
extension CoordinatorCore {
    mutating func handleHello(
        _ connection: ConnectionNumber, authenticatedName: String, _ hello: Hello, _ now: UInt64
    ) -> [CoordinatorAction] {
        let name = authenticatedName.escapedForDisplay()
        func refuse(_ reason: String) -> [CoordinatorAction] {
            [
                .log(.warning, "refused worker \(name): \(reason)", metadata: ["worker": name]),
                .refuse(connection, reason: reason),
            ]
        }
        guard hello.name == authenticatedName else {
            return refuse("said HELLO as \(hello.name.escapedForDisplay()), but its certificate says \(name)")
        }
        guard hello.name != "coordinator" else {
            return refuse("is named like the coordinator's own log and trace; issue an identity of another name")
        }
        guard hello.version == configuration.version else {
            let version = hello.version.escapedForDisplay()
            return refuse("runs version \(version), the coordinator runs \(configuration.version); install the same")
        }
        guard max(hello.running, hello.promised) < CoordinatorCore.claimableGenerations else {
            return refuse("claims a generation that no run reaches")
        }
        guard (1...1 << 16).contains(hello.threads), (1...1 << 16).contains(hello.cores) else {
            return refuse("claims \(hello.threads) threads and \(hello.cores) cores")
        }
        let known = workers.firstIndex { $0.name == hello.name }
        if hello.purpose == .bulk {
            guard let known, workers[known].process == hello.process else {
                return refuse("opened a bulk connection without a control connection of the same process")
            }
            let replaced = workers[known].bulk
            workers[known].bulk = connection
            noteGenerations(of: hello)
            let close = replaced.map { CoordinatorAction.close($0, reason: "replaced by a newer connection") }
            return (close.map { [$0] } ?? []) + startIfReady(now)
        }
        if let known {
            guard workers[known].process == hello.process else {
                let host = workers[known].host.escapedForDisplay()
                return refuse(
                    "another process of this name is connected: process \(workers[known].processIdentifier) on \(host); "
                        + "end it first, or issue an identity of its own for this one")
            }
            let replaced = workers[known].connection
            workers[known].connection = connection
            workers[known].lastHeard = now
            noteGenerations(of: hello)
            let close = CoordinatorAction.close(replaced, reason: "replaced by a newer connection")
            let welcome = CoordinatorAction.send(connection, .welcome(configuration.welcome))
            return mode == .gathering ? [close, welcome] : [close]
        }
        guard mode == .gathering, workers.count < configuration.workers else {
            return refuse("the run has its \(configuration.workers) workers")
        }
        noteGenerations(of: hello)
        workers.append(
            Worker(
                name: hello.name, process: hello.process, host: hello.host, processIdentifier: hello.processIdentifier,
                threads: hello.threads, cores: hello.cores, hasOwnCores: hello.hasOwnCores, connection: connection,
                preparingSince: now, lastHeard: now))
        if pingAt == nil { pingAt = now + configuration.timing.pingInterval }
        let text =
            "worker \(name) is here (\(workers.count) of \(configuration.workers)): "
            + "\(hello.instructionSet.escapedForDisplay()), threads: \(hello.threads)"
        return [
            .log(.info, text, metadata: ["worker": name]),
            .send(connection, .welcome(configuration.welcome)),
        ]
    }

    mutating func handlePrepared(_ index: Int, _ prepared: Prepared, _ now: UInt64) -> [CoordinatorAction] {
        guard mode == .gathering, workers[index].prepared == nil else {
            return expel(index, "said PREPARED twice or too late", now)
        }
        let start = configuration.start?.step ?? 0
        if let objection = prepared.objection(start: start) {
            return expel(index, "said PREPARED with \(objection)", now)
        }
        workers[index].prepared = prepared
        workers[index].stage = .idle
        return startIfReady(now)
    }

    /// START, when the workers are all here, prepared, and have a way for their shares of the state.
    private mutating func startIfReady(_ now: UInt64) -> [CoordinatorAction] {
        guard mode == .gathering, judgeAt == nil, workers.allSatisfy(\.isReady) else { return [] }
        let all = workers.compactMap(\.prepared)
        guard all.count == configuration.workers, let first = all.first else { return [] }
        guard all.allSatisfy({ $0.planDigest == first.planDigest }) else {
            return failDifferent("plan digests", workers.map { ($0.name, $0.prepared?.planDigest ?? "none") })
        }
        guard all.allSatisfy({ $0.stateHash == first.stateHash && $0.step == first.step }) else {
            return failDifferent(
                "states at the start", workers.map { ($0.name, $0.prepared?.stateHash.description ?? "none") })
        }
        if let expected = configuration.start?.hash, first.stateHash != expected {
            let cause =
                "the workers made state \(first.stateHash) of the snapshot of step \(first.step), which is \(expected)"
            return fail(Verdict(stage: .preparing, step: first.step, cause: cause, message: cause))
        }
        return startOrMeasure(from: first, now)
    }

    private mutating func failDifferent(_ what: String, _ values: [(name: String, value: String)])
        -> [CoordinatorAction]
    {
        let list = values.sorted { $0.name < $1.name }
            .map { "\($0.name.escapedForDisplay()) \($0.value.escapedForDisplay(limit: 64))" }
            .joined(separator: ", ")
        let cause = "the workers have different \(what): \(list)"
        return fail(
            Verdict(
                stage: .preparing, cause: cause, message: cause + "; run the same program and the same data everywhere")
        )
    }

    private mutating func startOrMeasure(from prepared: Prepared, _ now: UInt64) -> [CoordinatorAction] {
        workers.sort { Array($0.name.utf8).lexicographicallyPrecedes(Array($1.name.utf8)) }
        guard LaneAssignment.ranges(laneCount: configuration.laneCount, workers: workers.count) != nil else {
            let cause = "\(workers.count) workers cannot share \(configuration.laneCount) lanes"
            return fail(Verdict(stage: .preparing, cause: cause, message: cause))
        }
        if let actions = beginMeasuring(from: prepared, now) { return actions }
        let exchange = unmeasuredExchange
        return checkOffers(of: exchange.links) ?? start(from: prepared, with: exchange, now)
    }

    /// A new generation of all workers, in the order of their names. It is journaled.
    mutating func newRoster(from prepared: Prepared, _ exchange: ExchangeSettings) -> Roster {
        let ranges = LaneAssignment.ranges(laneCount: configuration.laneCount, workers: workers.count) ?? []
        let members = zip(workers, ranges).map { worker, lanes in
            Roster.Member(
                name: worker.name, process: worker.process, host: worker.prepared?.host ?? "",
                ports: worker.prepared?.ports ?? [], lanes: lanes)
        }
        let roster = Roster(
            generation: newGeneration(), members: members, startStep: prepared.step, stateHash: prepared.stateHash,
            exchange: exchange)
        self.roster = roster
        journal.append(.roster(roster))
        for index in workers.indices {
            workers[index].stage = .linking
            workers[index].step = prepared.step
            workers[index].isLinked = false
        }
        return roster
    }

    mutating func start(
        from prepared: Prepared, with exchange: ExchangeSettings, _ now: UInt64
    ) -> [CoordinatorAction] {
        let roster = newRoster(from: prepared, exchange)
        lastReported = prepared.step
        lastEvaluated = prepared.step
        mode = .linking
        pace.begin(now)
        var actions: [CoordinatorAction] = []
        if configuration.start != nil {
            let source = configuration.resumedFrom.map { " of \($0)" } ?? ""
            let text = "the run goes on from the state after step \(prepared.step)\(source)"
            actions.append(.log(.info, text, metadata: ["step": "\(prepared.step)"]))
        }
        for index in workers.indices {
            let start = Start(
                roster: roster, snapshotEverySteps: configuration.snapshotEverySteps, hostShare: hostShare(of: index),
                traceContext: configuration.welcome.traceContext)
            actions.append(.send(workers[index].connection, .start(start)))
        }
        return actions + [.workersReady(roster)]
    }
}
