import LockstepCluster
import LockstepCore

/// Shares of states that are not complete, and states that are.
struct StateCollections {
    struct Key: Hashable {
        let step: UInt32
        let share: Int
    }

    /// Of mid-run and of the end: what has come of each share.
    var incoming: [UInt32: [Int: ShareFrame]] = [:]
    /// Complete ones: the shares in order.
    var complete: [UInt32: [ShareFrame]] = [:]
    /// The shares of the end, and which of them is asked for.
    var last: (step: UInt32, shares: [CoordinatorAction.StateShare])?
}

/// What the shell does for the core.
extension SimulatedCoordinator {
    func perform(_ action: CoordinatorAction) {
        switch action {
        case .send(let number, let message): send(message, on: number)
        case .refuse(let number, let reason):
            send(.refused(reason: reason), on: number)
            close(number, reason)
        case .close(let number, let reason): close(number, reason)
        case .log, .tuned: break
        case .measured(let result):
            if result.members.map(\.name) != core.roster?.members.map(\.name) {
                simulation.violate("a trial without answers of all")
            }
            trials += 1
        case .workersReady(let roster): simulation.begins(roster)
        case .generationBegins(let roster):
            collections.incoming = [:]
            simulation.begins(roster)
        case .incident(let incident): simulation.survived(incident)
        case .damage: break
        case .offerState: offerState()
        case .collectState(let step, let shares): collect(step, shares)
        case .writeSnapshot(let step, let hash, let isBest): write(step, hash, isBest: isBest)
        case .dropState(let step):
            collections.incoming[step] = nil
            collections.complete[step] = nil
        case .report(let reports): if !isBuried { simulation.report(reports) }
        case .evaluated(let report): if !isBuried { simulation.evaluated(report) }
        case .finish, .fail:
            if outcome != nil { simulation.violate("a second outcome: \(action)") }
            outcome = action
            simulation.ended(self, with: action)
        }
    }

    // MARK: Messages

    /// As the shell does: only what is on disk may be forgotten by the workers.
    func withoutLostReports(_ message: ControlMessage) -> ControlMessage {
        switch message {
        case .ping(var ping):
            ping.reportedStep = min(ping.reportedStep, keptReports)
            return .ping(ping)
        case .welcome(var welcome):
            welcome.reportedStep = min(welcome.reportedStep, keptReports)
            return .welcome(welcome)
        default: return message
        }
    }

    // MARK: The state for workers

    private func offerState() {
        let newest = simulation.disk.snapshots.max { $0.step < $1.step }
        simulation.after(simulation.delay(1_000_000...50_000_000)) { [self] in
            offered = newest
            if let newest {
                handle(.stateOffered(newest.holding))
            } else {
                handle(.nothingToOffer(reason: "there is no snapshot"))
            }
        }
    }

    // MARK: Shares

    private func collect(_ step: UInt32, _ shares: [CoordinatorAction.StateShare]) {
        simulation.happened(.collect, at: nil)
        func isThere(_ share: CoordinatorAction.StateShare, in frame: ShareFrame?) -> Bool {
            share.attempt == 0 && frame?.worker.name == share.name && frame?.fetch.count == share.count
        }
        // Members may have sent it in mid-run.
        let early = collections.complete.removeValue(forKey: step) ?? []
        if early.count == shares.count, zip(shares, early).allSatisfy({ isThere($0, in: $1) }) {
            collections.complete[step] = early
            return handleFirst(.stateCollected(step: step))
        }
        // Of an earlier attempt the shares that are asked for as before stay.
        let kept = shares.filter { share in
            collections.last?.shares.contains(share) ?? false && collections.last?.step == step
                || isThere(share, in: collections.incoming[step]?[share.index])
        }
        collections.last = (step, shares)
        collections.incoming[step] = (collections.incoming[step] ?? [:]).filter { index, _ in
            kept.contains { $0.index == index }
        }
    }

    func take(_ frame: ShareFrame, on connection: Connection) {
        guard isAlive, connection.serverIsOpen, let number = number(of: connection),
            core.bulkOwner(of: number) == frame.worker.name
        else { return }
        let fetch = frame.fetch
        guard frame.generation == core.roster?.generation,
            let shares = core.expectedShares(ofStep: fetch.step), fetch.count == shares.count,
            let share = shares.first(where: { $0.index == fetch.share }), share.name == frame.worker.name
        else { return }
        defer { handleFirst(.shareReceived(name: frame.worker.name, step: fetch.step)) }
        guard frame.isLast else { return }
        collections.incoming[fetch.step, default: [:]][fetch.share] = frame
        guard let all = collections.incoming[fetch.step], all.count == shares.count else { return }
        collections.incoming[fetch.step] = nil
        collections.complete[fetch.step] = shares.compactMap { all[$0.index] }
        if simulation.flaw == .writesUnagreed, simulation.agreed[fetch.step] == nil {
            simulation.commit(fetch.step, frame.state, isEnd: false)
        }
        handleFirst(.stateCollected(step: fetch.step))
    }

    private func write(_ step: UInt32, _ hash: StateHash, isBest: Bool) {
        if writing != nil { simulation.violate("two snapshots are written at once") }
        guard let shares = collections.complete.removeValue(forKey: step), let first = shares.first else {
            return simulation.violate("S(\(step)) is written and was not collected")
        }
        writing = step
        let isEnd = if case .writing(step, _) = core.mode { true } else { false }
        let known = simulation.scenario.job.state(at: StatePoint(step: step))
        let isReallyBest = simulation.scenario.job.snapshotsBest && known?.isBest ?? false
        if isBest != isReallyBest { simulation.violate("S(\(step)) is not the best") }
        let isSpoilt = !isEnd && simulation.snapshotsFail
        simulation.after(simulation.delay(1_000_000...simulation.scenario.slowestWrite)) { [self] in
            guard isAlive else { return }
            writing = nil
            if isBuried {
                handle(.snapshotFailed(step: step, reason: "the run directory is another's"))
            } else if simulation.flaw != .trustsShares, shares.contains(where: { $0.state.hash != hash }) {
                handle(.stateInvalid(step: step, reason: "its hash is not \(hash)"))
            } else if isSpoilt {
                handle(.snapshotFailed(step: step, reason: "no space left on device"))
            } else {
                // A mixture of shares is told by its worst.
                let state = (shares.first { $0.state.hash != hash } ?? first).state
                simulation.commit(step, state, isEnd: isEnd)
                handle(.snapshotWritten(step: step, digest: DigestBuilder.digest(of: [UInt8(step & 255)])))
            }
        }
    }
}
