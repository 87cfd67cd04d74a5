internal import LockstepCluster
internal import LockstepCore
internal import LockstepWire
internal import Logging
internal import NIOCore
internal import Synchronization

/// The links to the other members.
extension WorkerNetwork {
    /// Listens for data links and says to the core that the worker is prepared.
    ///
    /// - Parameter rails: those that the worker offers; they are this object's to end.
    func announce(_ preparation: WorkerPreparation, _ rails: RailGroup) {
        connections.withLock { $0.rails = rails }
        tasks.add { [self] in
            // The connection over which the run was told may be gone by now; what is prepared is told to the next one.
            guard let local = connections.withLock({ $0.localAddress }) else { return }
            do {
                let addresses = try await rails.listen(
                    at: settings.listen ?? Endpoint(host: local.host, port: 0), contexts: contexts,
                    limits: limits, isClear: settings.allowsClear, logger: settings.logger)
                var preparation = preparation
                preparation.host = settings.advertise?.host ?? addresses[0].host
                preparation.ports = try addresses.enumerated().map { number, address in
                    try settings.advertise?.following(number).port ?? address.port
                }
                events.post(.core(.prepared(preparation)))
            } catch {
                let error = error as? CommandError ?? .failed(String(describing: error).escapedForDisplay())
                events.post(.core(.unable(Unable(exitCode: error.exitCode, message: error.message))))
            }
        }
    }

    /// Dials the members of a planned generation that this worker dials when it begins, on these rails.
    func linkAhead(_ change: PlannedChange, _ rails: [Rail]) {
        guard let own = change.members.firstIndex(where: { $0.process == identity.process }),
            let links = beginLinksAhead(of: change.generation)
        else { return }
        let queue = dialQueue(own: own, members: change.members.count, links: rails.count, patience: change.patience)
        tasks.add { [self] in
            await Linking.run(queue) { [self] dial, limit in
                let member = change.members[dial.member]
                try await links.dial(member.process, rail: dial.rail) { [self] in
                    try await connect(
                        to: member, from: change.members[own], generation: change.generation, rails[dial.rail],
                        renewal: 0, limit: .nanoseconds(Int64(clamping: limit)))
                }
            } lost: { _, _ in
                // It is dialled again when the generation begins.
            }
        }
    }

    /// - Returns: nil where they are made already: a plan may be heard twice.
    private func beginLinksAhead(of generation: UInt32) -> LinksAhead? {
        connections.withLock { connections in
            guard connections.linksAhead?.generation != generation else { return nil }
            connections.linksAhead?.cancel()
            let links = LinksAhead(generation: generation)
            connections.linksAhead = links
            return links
        }
    }

    private func dialQueue(own: Int, members: Int, links: Int, patience: Int) -> DialQueue {
        var timing = settings.dialTiming
        timing.patience *= UInt64(min(max(1, patience), Roster.mostPatience))
        return DialQueue(
            own: own, links: links, allowance: Roster.linkingAllowance(members: members, links: links), timing: timing,
            now: ProcessClock.now)
    }

    /// Dials the members that this worker dials, on these rails, but those that were dialled ahead.
    func link(_ roster: Roster, own: Int, _ rails: [Rail]) {
        let queue = dialQueue(
            own: own, members: roster.members.count, links: rails.count, patience: roster.patience)
        let ahead = connections.withLock { $0.linksAhead }
        if ahead?.generation == roster.generation { ahead?.end() } else { ahead?.cancel() }
        let task = Task { [self] in
            await Linking.run(queue) { [self] dial, limit in
                let (member, rail) = (roster.members[dial.member], rails[dial.rail])
                if let ahead, ahead.generation == roster.generation {
                    await ahead.wait(for: member.process, rail: rail.number)
                    let isMade = rail.loop.submit { rail.isMade(linkTo: dial.member, generation: roster.generation) }
                    if try await isMade.get() { return }
                }
                try await connect(
                    to: member.address, from: roster.members[own].address, generation: roster.generation, rail,
                    renewal: 0, limit: .nanoseconds(Int64(clamping: limit)))
            } lost: { dial, reason in
                let rail = rails[dial.rail].number
                events.post(.rail(rail, .lost(member: dial.member, generation: roster.generation, reason: reason)))
            }
        }
        connections.withLock { connections in
            connections.linking?.cancel()
            connections.linking = task
        }
    }

    /// The generation in progress ends: nobody is dialled any more.
    func stopLinking() {
        connections.withLock { $0.linking?.cancel() }
    }

    /// Dials a link that takes the place of one whose keys have served for long.
    func renew(_ member: Int, of roster: Roster, rail number: Int, renewal: Int) {
        guard let rails = connections.withLock({ $0.rails }), let own = roster.index(of: identity.name) else { return }
        let rail = rails.rails[number]
        tasks.add { [self] in
            let deadline = ProcessClock.seconds + WorkerNetwork.renewalPatience
            while !Task.isCancelled {
                do {
                    try await connect(
                        to: roster.members[member].address, from: roster.members[own].address,
                        generation: roster.generation, rail, renewal: renewal, limit: WorkerNetwork.renewalLimit)
                    settings.logger.info("link \(number) to \(roster.members[member].name) renewed (\(renewal))")
                    return
                } catch {
                    let failure = error as? LinkError
                    let reason = failure?.reason ?? String(describing: error).escapedForDisplay()
                    guard failure?.isWorthRetrying == true, ProcessClock.seconds < deadline else {
                        let generation = roster.generation
                        return rail.loop.execute {
                            rail.renewalFailed(member, generation: generation, reason: reason)
                        }
                    }
                    try? await Task.sleep(for: .milliseconds(200))
                }
            }
        }
    }

    private func connect(
        to member: WorkerAddress, from own: WorkerAddress, generation: UInt32, _ rail: Rail, renewal: Int,
        limit: TimeAmount
    ) async throws {
        guard member.ports.indices.contains(rail.number) else {
            throw LinkError.violation("\(member.name) offers no link \(rail.number)")
        }
        let dialer = DataLinkDialer(
            group: rail.loop, contexts: contexts, limits: limits, isClear: settings.allowsClear)
        let greeting = LinkGreeting(
            generation: generation, name: identity.name, process: identity.process, peerName: member.name,
            peerProcess: member.process, rail: rail.number, renewal: renewal)
        try await dialer.connect(
            to: Endpoint(host: member.host, port: member.ports[rail.number]), greeting: greeting, timeout: limit
        ) { answer in
            if answer.rail != greeting.rail || answer.renewal != renewal { return "it greets as another link" }
            return answer.objection(own: own, peer: member, generation: generation)
        } receiver: { _ in
            try rail.receiver(of: member, generation: generation, renewal: renewal)
        }
    }

    /// Seconds in which an attempt to renew a link may begin. Keys last two minutes longer yet at 2.5 GB/s.
    private static let renewalPatience = 60.0
    /// A dialler that gave up earlier could close a link that the other side has let in.
    private static let renewalLimit = TimeAmount.seconds(60)
}
