internal import LockstepCore

/// Who comes, and who comes back.
extension CoordinatorCore {
    mutating func handleHello(
        _ connection: ConnectionNumber, authenticatedName: String, _ hello: Hello, _ now: UInt64
    ) -> [CoordinatorAction] {
        if let objection = objection(to: hello, authenticatedName) {
            return refuse(connection, authenticatedName, objection)
        }
        let known = workers.firstIndex { $0.name == hello.name }
        if hello.purpose == .bulk { return handleBulkHello(connection, known, hello, now) }
        guard let known else { return admit(connection, hello, now) }
        guard workers[known].process == hello.process else { return claim(known, connection, hello, now) }
        let replaced = workers[known].connection
        workers[known].reconnect(hello, connection, now)
        noteGenerations(of: hello)
        return [.close(replaced, reason: "replaced by a newer connection"), .send(connection, .welcome(welcome))]
            + resume(known, now)
    }

    private func refuse(_ connection: ConnectionNumber, _ name: String, _ reason: String) -> [CoordinatorAction] {
        let name = name.escapedForDisplay()
        return [
            .log(.warning, "refused worker \(name): \(reason)", metadata: ["worker": name]),
            .refuse(connection, reason: reason),
        ]
    }

    private func objection(to hello: Hello, _ authenticatedName: String) -> String? {
        guard hello.name == authenticatedName else {
            let name = authenticatedName.escapedForDisplay()
            return "said HELLO as \(hello.name.escapedForDisplay()), but its certificate says \(name)"
        }
        guard hello.name != "coordinator" else {
            return "is named like the coordinator's own log and trace; issue an identity of another name"
        }
        guard hello.version == configuration.version else {
            let (own, other) = (configuration.version, hello.version.escapedForDisplay())
            return "runs version \(other), the coordinator runs \(own); start the same program there"
        }
        guard max(hello.running, hello.promised) < CoordinatorCore.claimableGenerations else {
            return "claims a generation that no run reaches"
        }
        guard (1...1 << 16).contains(hello.threads), (1...1 << 16).contains(hello.cores) else {
            return "claims \(hello.threads) threads and \(hello.cores) cores"
        }
        if let quarantine = quarantined.first(where: { $0.name == hello.name }) {
            return "is in quarantine: \(quarantine.reason)"
        }
        // Another run's measurements are no place to come to late.
        guard
            configuration.purpose == .training || mode == .gathering
                || workers.contains(where: { $0.name == hello.name })
        else { return "the measurement has its \(configuration.workers) workers" }
        return nil
    }

    /// What a worker learns now. A state is offered until a generation trains; later the others have a newer one.
    private var welcome: Welcome {
        var welcome = configuration.welcome
        welcome.reportedStep = lastReported
        if hasBegun { welcome.state = nil }
        return welcome
    }

    private mutating func handleBulkHello(
        _ connection: ConnectionNumber, _ known: Int?, _ hello: Hello, _ now: UInt64
    ) -> [CoordinatorAction] {
        // The control connection may have gone just now, and will be back.
        guard let known, workers[known].process == hello.process else {
            return [.close(connection, reason: "a bulk connection without a control connection of the same process")]
        }
        let replaced = workers[known].bulk
        workers[known].bulk = connection
        noteGenerations(of: hello)
        let close = replaced.map { [CoordinatorAction.close($0, reason: "replaced by a newer connection")] } ?? []
        return close + fetchAgain(from: workers[known].name, now) + proceed(known, now)
    }

    private mutating func admit(
        _ connection: ConnectionNumber, _ hello: Hello, _ now: UInt64
    ) -> [CoordinatorAction] {
        noteGenerations(of: hello)
        absent.removeAll { $0.process == hello.process }
        workers.append(Worker(hello, connection, now))
        if pingAt == nil { pingAt = now + configuration.timing.pingInterval }
        let name = hello.name.escapedForDisplay()
        let expected = configuration.workers + configuration.spares
        let count = hasBegun || workers.count > expected ? "" : " (\(workers.count) of \(expected))"
        let text =
            "worker \(name) is here\(count): "
            + "\(hello.instructionSet.escapedForDisplay()), threads: \(hello.threads)"
        return [
            .log(.info, text, metadata: ["worker": name]),
            .send(connection, .welcome(welcome)),
        ] + (hello.isPrepared ? [.send(connection, .ping(nextPing()))] : []) + resume(workers.count - 1, now)
    }

    /// A connection of a process that may have missed something.
    private mutating func resume(_ index: Int, _ now: UInt64) -> [CoordinatorAction] {
        let worker = workers[index]
        switch mode {
        case .gathering:
            // It works on a newer state than the snapshot that the others begin with, or on a trial of an earlier coordinator's.
            return trained != nil && worker.isOld || worker.running > 0 ? freeze(now) : []
        case .recovering: return recover(now)
        case .measuring: return resumeMeasuring(index, now)
        case .running, .planned:
            guard let roster, isMember(worker) else { return [] }
            if case .planned(let generation) = mode {
                if worker.promised > generation { return freeze(now) }
                if worker.running == roster.generation {
                    return [.send(worker.connection, .plan(plannedChange(to: generation)))]
                }
            }
            if worker.promised > roster.generation, mode == .running { return freeze(now) }
            return worker.running < roster.generation
                ? [.send(worker.connection, .start(start(for: index, roster)))] : []
        case .freezing(let generation), .paused(let generation):
            guard worker.holdsState else { return [] }
            if worker.promised > generation { return freeze(now) }
            if case .paused = mode { return freeze(now) }
            return [.send(worker.connection, .freeze(freezeMessage(generation)))]
        case .collecting: return fetchAgain(from: worker.name, now)
        case .writing, .ended: return []
        }
    }

    // MARK: Two processes under one name

    /// Whether the old one lives is asked first: what is left of a machine that lost its power would keep its name for long.
    private mutating func claim(
        _ known: Int, _ connection: ConnectionNumber, _ hello: Hello, _ now: UInt64
    ) -> [CoordinatorAction] {
        var actions: [CoordinatorAction] = []
        if let other = claims.firstIndex(where: { $0.hello.name == hello.name }) {
            let older = claims.remove(at: other)
            if older.hello.process == hello.process {
                actions.append(.close(older.connection, reason: "replaced by a newer connection"))
            } else {
                actions += refuse(older.connection, hello.name, "yet another process of this name has come")
            }
        }
        claims.append(
            Claim(connection: connection, hello: hello, until: now + patience(configuration.timing.claim)))
        return actions + [.send(workers[known].connection, .ping(nextPing()))]
    }

    /// The process that has the name answered.
    mutating func refuseClaims(to index: Int) -> [CoordinatorAction] {
        let worker = workers[index]
        let others = claims.filter { $0.hello.name == worker.name }
        claims.removeAll { $0.hello.name == worker.name }
        return others.flatMap { claim in
            refuse(
                claim.connection, worker.name,
                "another process of this name is connected: process \(worker.processIdentifier) on "
                    + "\(worker.host.escapedForDisplay()); end it first, or issue an identity of its own for this one")
        }
    }

    /// The process that had the name is gone, or does not answer.
    mutating func heedClaims(_ now: UInt64) -> [CoordinatorAction] {
        var actions: [CoordinatorAction] = []
        while let place = claims.firstIndex(where: { claim in
            now >= claim.until || !workers.contains { $0.name == claim.hello.name }
        }) {
            let claim = claims.remove(at: place)
            if let index = workers.firstIndex(where: { $0.name == claim.hello.name }) {
                actions += expel(
                    index, "did not answer when another process of its name came", now, exitCode: .temporary)
            }
            guard mode != .ended else { break }
            actions += admit(claim.connection, claim.hello, now)
        }
        return actions
    }
}
