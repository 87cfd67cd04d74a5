internal import LockstepCollectives
internal import LockstepCore

/// Standing still for the next generation.
extension WorkerCore {
    mutating func handleFreeze(_ freeze: Freeze, _ now: UInt64) -> [WorkerAction] {
        let generation = freeze.generation
        guard generation > running, generation >= promised else { return [] }
        if generation == promised {
            // The one answer to it; where it is not known yet, it comes by itself.
            return frozen.map { send(.frozen($0)) } ?? []
        }
        promised = generation
        reachLimit = min(freeze.reachLimit, Self.longestReach)
        switch state {
        case .connecting, .unable, .ended: return []
        // What goes on runs to its end; the promise is answered then. To prepare may take long.
        case .preparing, .auditing, .updating, .judging, .parking, .reaching, .freezing: return []
        case .prepared, .halted, .done: return standStill(now)
        case .frozen, .observing, .draining: return drain(now)
        case .measuring, .measured, .linking, .levelling, .waiting, .computing, .exchanging: return standStill(now)
        }
    }

    /// Drops what goes on, for the promised generation.
    ///
    /// - Parameter parks: false after a step that all have finished: what others still need of it goes out, so links stay
    ///   open.
    mutating func standStill(_ now: UInt64, parks: Bool = true) -> [WorkerAction] {
        frozen = nil
        linkingUntil = nil
        drainingUntil = nil
        outOfReach = []
        let actions = flushReports(now)
        stage = .freezing
        guard parks else {
            state = .freezing
            return actions + [.hashState]
        }
        guard !isParked else { return actions + reachLost() }
        state = .parking
        return actions + [.park]
    }

    /// - Parameter waitingFor: whose frames the dropped turn lacked. A link that swallows everything breaks late or never.
    mutating func handleParked(waitingFor: [String]) -> [WorkerAction] {
        isParked = true
        for peer in missingLinks + waitingFor { noteLost(peer) }
        return reachLost()
    }

    private mutating func reachLost() -> [WorkerAction] {
        let lost = roster?.members.filter { lostLinks.contains($0.name) } ?? []
        guard !lost.isEmpty else {
            state = .freezing
            return [.hashState]
        }
        if rules.dialsNobodyAgain { return handleReached(lost.map(\.name)) }
        state = .reaching
        return [.reach(lost, limit: reachLimit)]
    }

    mutating func handleReached(_ outOfReach: [String]) -> [WorkerAction] {
        self.outOfReach = lostLinks.filter { outOfReach.contains($0) }
        state = .freezing
        return [.hashState]
    }

    mutating func handleStateHashed(_ hash: StateHash, _ wholeHash: StateHash) -> [WorkerAction] {
        // Another hash than the others were told of the same state: it has changed since, so it is no state.
        let isOther = lastHash.map { $0.point == point && $0.hash != hash } ?? false
        holding =
            isOther || isDistrusted || !isConfirmed ? nil : Holding(point: point, hash: hash, wholeHash: wholeHash)
        let frozen = Frozen(
            generation: promised, holding: holding, isBest: isBest, agreed: agreement, seen: seen,
            source: fedBy, copied: copiedIn, outOfReach: outOfReach)
        self.frozen = frozen
        state = .frozen
        stage = .idle
        return send(.frozen(frozen))
    }

    /// A member whose link is lost, to be dialled once more.
    mutating func noteLost(_ peer: String) {
        guard peer != identity.name, roster?.index(of: peer) != nil, !lostLinks.contains(peer) else { return }
        lostLinks.append(peer)
    }
}
