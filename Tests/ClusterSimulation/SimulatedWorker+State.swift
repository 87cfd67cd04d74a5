import LockstepCluster
import LockstepCollectives
import LockstepCore

/// A copy of the state on its way: staged until it is whole and proved.
struct Levelling {
    let roster: Roster
    /// The driver has asked for it; what comes earlier waits.
    var isWanted = false
    var staged = SimulatedState()
    var missing: Set<Int>
}

/// States: made, copied, handed over.
extension SimulatedWorker {
    func prepare(_ welcome: Welcome) {
        bulkIsWanted = true
        dialBulk()
        let finish = { [self] (made: SimulatedState) in
            state = made
            hasState = true
            if simulation.flaw == .forgetsTheWatch { state.watch = SimulatedState.Watch() }
            let job = simulation.scenario.job
            handle(
                .prepared(
                    WorkerPreparation(
                        planDigest: "d", probe: simulation.probe(of: self), state: held, lastStep: job.lastStep,
                        evaluationBatches: job.evaluationBatches, validation: job.validation, host: "h\(host)",
                        ports: (0..<rails).map { 1 + number * 20 + $0 }, seed: simulation.scenario.seed)))
        }
        if let cause = simulation.unable(self) {
            return later(10_000_000...100_000_000) { [self] in
                handle(.unable(Unable(exitCode: .usage, message: cause)))
            }
        }
        guard let offer = welcome.state else {
            return later(10_000_000...150_000_000) { finish(SimulatedState()) }
        }
        fetch { [self] state in
            if state.step != offer.step { return end("the state of another step was streamed") }
            later(10_000_000...150_000_000) { finish(state) }
        }
    }

    var held: HeldState {
        HeldState(
            holding: state.holding, isStopped: state.watch.isStopped,
            isBest: simulation.scenario.job.snapshotsBest && state.isBest, epoch: state.epoch,
            epochSums: state.epochSums, epochSampleSum: state.epochSampleSum)
    }

    // MARK: The bulk connection

    /// Opens it, and again when it is lost.
    func dialBulk() {
        guard bulkIsWanted, isAlive, bulk?.clientIsOpen != true else { return }
        simulation.dialCoordinator(from: host) { [self] coordinator in
            whenAwake { [self] in
                guard bulk?.clientIsOpen != true else { return }
                guard let coordinator, coordinator.listens else { return dialBulkLater() }
                let connection = Connection(simulation, client: host, server: 0)
                bulk = connection
                coordinator.accept(connection, core.identity.hello(.bulk, core.standing), of: self)
                connection.clientClosed = { [self] _ in whenAwake { [self] in dialBulkLater() } }
                wanted?()
            }
        }
    }

    private func dialBulkLater() { later(100_000_000...2_000_000_000) { [self] in dialBulk() } }

    /// Asks the coordinator for the state that it offers, until it comes.
    private func fetch(_ done: @escaping (SimulatedState) -> Void) {
        let number = workNumber
        var isDone = false
        let want = { [self] in
            guard !isDone, number == workNumber, let bulk, bulk.clientIsOpen,
                let coordinator = simulation.coordinator(of: bulk)
            else { return }
            bulk.toServer.send {
                coordinator.stream(to: self, on: bulk) { [self] state in
                    whenAwake { [self] in
                        guard !isDone, number == workNumber else { return }
                        isDone = true
                        wanted = nil
                        done(state)
                    }
                }
            }
        }
        wanted = want
        want()
    }

    // MARK: Levelling

    func level(_ roster: Roster) {
        simulation.happened(.level, at: self)
        if !roster.holders.isEmpty {
            makeLevelling(roster)
            levelling?.isWanted = true
            if let generation {
                simulation.after(0) { [self] in
                    whenAwake { [self] in
                        for link in generation.linksInOrder where self.generation === generation {
                            link.takeHeld(self)
                        }
                    }
                }
            }
            finishLevelling()
        } else if roster.start.step == 0 {
            compute(1_000_000...20_000_000) { [self] in swap(in: SimulatedState(), roster) }
        } else {
            fetch { [self] state in swap(in: state, roster) }
        }
    }

    private func makeLevelling(_ roster: Roster) {
        guard levelling == nil else { return }
        levelling = Levelling(roster: roster, missing: Set(roster.holders.compactMap { roster.index(of: $0) }))
    }

    /// Gives every member that lacks the state the own share of it.
    func serve(_ roster: Roster) {
        guard let share = roster.holders.firstIndex(of: name) else { return }
        let count = roster.holders.count
        let pieces = SimulatedState.pieces * share / count..<SimulatedState.pieces * (share + 1) / count
        let half = pieces.lowerBound + pieces.count / 2
        for (member, place) in roster.members.enumerated() where !roster.holders.contains(place.name) {
            for range in [pieces.lowerBound..<half, half..<pieces.upperBound] {
                let isLast = range.upperBound == pieces.upperBound
                // The live state is read when the frame leaves: it cannot change before the needer has contributed.
                send(
                    { [self] in
                        .share(
                            pieces: range, parameters: Array(state.parameters[range]),
                            moments: Array(state.moments[range]), numbers: share == 0 && isLast ? state : nil,
                            isLast: isLast)
                    }, to: member)
            }
        }
    }

    /// - Returns: false where the frame has no place yet.
    func take(_ frame: LinkFrame, from link: DataLink) -> Bool {
        guard let generation, generation.links.values.contains(where: { $0 === link }),
            let member = generation.roster.index(of: link.peer(of: self).name)
        else { return true }
        switch frame {
        case .exchange(let header, let payload):
            guard let exchange = generation.exchange else { return false }
            do {
                guard try exchange.receive(header, payload, from: member) else { return false }
                advance()
            } catch {
                simulation.violate("\(self) refuses a frame: \(error)")
            }
        case .share(let pieces, let parameters, let moments, let numbers, let isLast):
            guard !generation.roster.holders.contains(name) else {
                simulation.violate("\(self) is sent a share of a state that it holds")
                return true
            }
            guard levelling?.isWanted == true else { return false }
            take(pieces, parameters, moments, numbers)
            simulation.happened(.share, at: self)
            if isLast { levelling?.missing.remove(member) }
            finishLevelling()
        }
        return true
    }

    private func take(_ pieces: Range<Int>, _ parameters: [UInt64], _ moments: [UInt64], _ numbers: SimulatedState?) {
        func write(_ state: inout SimulatedState) {
            state.parameters.replaceSubrange(pieces, with: parameters)
            state.moments.replaceSubrange(pieces, with: moments)
            guard let numbers else { return }
            var whole = numbers
            whole.parameters = state.parameters
            whole.moments = state.moments
            state = whole
        }
        #if LOCKSTEP_FAILPOINTS
        if simulation.scenario.rules.copiesInPlace { write(&state) }
        #endif
        if levelling != nil, var staged = levelling?.staged {
            write(&staged)
            levelling?.staged = staged
        }
    }

    private func finishLevelling() {
        guard let levelling, levelling.isWanted, levelling.missing.isEmpty else { return }
        compute(10_000...5_000_000) { [self] in
            self.levelling = nil
            swap(in: levelling.staged, levelling.roster)
        }
    }

    /// The copy is whole: it is proved, then it takes the place of the old state.
    private func swap(in copy: SimulatedState, _ roster: Roster) {
        let isProved = copy.hash == roster.stateHash && copy.point == roster.start
        if !isProved || roster.wholeHash.map({ $0 != copy.wholeHash }) ?? false, simulation.flaw != .trustsCopies {
            return handle(.levellingFailed(peer: nil, reason: "the copy has another hash"))
        }
        if isCorrupt {
            let tensor = Damage.DamagedTensor(name: "0.weight", count: 1, firstIndex: 0)
            if roster.distrusted.contains(process) {
                handle(.damaged(Damage(step: copy.step, tensors: [tensor])))
            }
        }
        isCorrupt = false
        state = copy
        simulation.counts.levelled += 1
        simulation.changed(self)
        handle(.levelled(held))
    }

    // MARK: Shares for snapshots

    func copyShare(_ fetch: Fetch, isBest: Bool) {
        if fetch.step != state.step { simulation.violate("\(self) copies a share of another step") }
        let isReallyBest = simulation.scenario.job.snapshotsBest && state.isBest
        if isBest != isReallyBest, !isCorrupt { simulation.violate("\(self): S(\(fetch.step)) is not the best") }
        if simulation.chance(simulation.scenario.skippedShares, of: 10) { return }
        sendShare(fetch, simulation.sendsStaleShares(self) ? previous : state)
    }

    /// In two frames, the last of which completes the share.
    func sendShare(_ fetch: Fetch, _ state: SimulatedState) {
        guard let bulk, bulk.clientIsOpen, let coordinator = simulation.coordinator(of: bulk) else { return }
        let generation = core.running
        let isCorrupt = isCorrupt
        for isLast in [false, true] {
            bulk.toServer.send { [self] in
                coordinator.receive(
                    ShareFrame(
                        worker: self, generation: generation, fetch: fetch, isLast: isLast, state: state,
                        isCorrupt: isCorrupt), on: bulk)
            }
        }
    }
}
