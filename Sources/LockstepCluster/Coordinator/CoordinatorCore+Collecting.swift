internal import LockstepCore

/// All is done, or stopped: the state is collected.
extension CoordinatorCore {
    /// Collects the state when all workers are done with the same one.
    mutating func collectIfDone(_ now: UInt64) -> [CoordinatorAction] {
        guard let roster, done.count == roster.members.count else { return [] }
        switch mode {
        case .running: break
        case .planned:
            // The plan came after the last turn and stopped nobody: the run is complete.
            lateStopReason = stopReason
            stopReason = nil
        default: return []
        }
        let ends = members.compactMap { worker in
            done[worker.name].map { AgreedState(step: $0.step, hash: $0.hash, isBest: $0.isBest) }
        }
        guard ends.count == roster.members.count, let first = ends.first else { return [] }
        guard ends.allSatisfy({ $0 == first }) else {
            let list = zip(members, ends)
                .map { worker, state in "\(worker.name.escapedForDisplay()) at step \(state.step) with \(state.hash)" }
                .joined(separator: ", ")
            let cause = "the workers ended with different states: \(list)"
            return fail(Verdict(stage: .snapshot, step: first.step, cause: cause, message: cause))
        }
        return collect(first, from: members.map(\.name), now)
    }

    /// Collects the state at which all stand still for a stop.
    mutating func collectStopped(
        _ choice: Decision.Choice, generation: UInt32, _ now: UInt64
    ) -> [CoordinatorAction] {
        // A state whose validation was cut off is no S(N): the generation goes on, and stops after it.
        guard choice.start.point.isJudged else {
            return start(choice, generation: generation, now) + plan(now)
        }
        let holding = workers.filter { choice.holders.contains($0.name) }
        let inRoster = members.filter { choice.holders.contains($0.name) }
        // An observer may be the last one that has it.
        let holders = inRoster.isEmpty ? holding : inRoster
        guard let first = holders.first else { return stopNow() }
        let state = AgreedState(
            step: choice.start.point.step, hash: choice.start.hash, isBest: first.frozen?.isBest ?? false)
        return collect(state, from: holders.map(\.name), now)
    }

    private mutating func collect(
        _ state: AgreedState, from names: [String], _ now: UInt64
    ) -> [CoordinatorAction] {
        mode = .collecting(step: state.step, hash: state.hash)
        deadline = nil
        endsWithBest = state.isBest
        snapshots.withdraw(state.step)
        pace.begin(now)
        if stopReason != nil { stopAt = now + configuration.timing.stopCollection }
        if lateStopReason != nil { stopAt = now + configuration.timing.stop }
        collection = names.enumerated().map { index, name in
            CoordinatorAction.StateShare(name: name, index: index, count: names.count, attempt: 0)
        }
        pace.awaitShares(from: names)
        // Nothing more is told after it.
        let missing = fillReports(upTo: state.step)
        // The shell hears of it before the first share can come.
        let begin = CoordinatorAction.collectState(step: state.step, shares: collection)
        return missing + [begin] + collection.compactMap { fetch($0, state.step) }
    }

    private func fetch(_ share: CoordinatorAction.StateShare, _ step: UInt32) -> CoordinatorAction? {
        guard let worker = workers.first(where: { $0.name == share.name }) else { return nil }
        return .send(worker.connection, .fetch(Fetch(step: step, share: share.index, count: share.count)))
    }

    /// A worker has a new connection: what it sent of its shares on the old one may not have come.
    mutating func fetchAgain(from name: String, _ now: UInt64) -> [CoordinatorAction] {
        guard case .collecting(let step, _) = mode, collection.contains(where: { $0.name == name }) else { return [] }
        let anew = collection.indices.filter { collection[$0].name == name }
        for index in anew { collection[index] = collection[index].again(from: name) }
        pace.awaitShares(from: [name])
        pace.begin(now)
        return [.collectState(step: step, shares: collection)] + anew.compactMap { fetch(collection[$0], step) }
    }

    /// A worker is lost while its shares are on their way: the others hold the same state.
    ///
    /// - Returns: nil where nobody is left that does.
    mutating func collectWithout(_ name: String, _ now: UInt64) -> [CoordinatorAction]? {
        guard case .collecting(let step, _) = mode else { return [] }
        var sources: [String] = []
        for share in collection where share.name != name && !sources.contains(share.name) {
            if workers.contains(where: { $0.name == share.name }) { sources.append(share.name) }
        }
        guard !sources.isEmpty else { return nil }
        let lost = collection.indices.filter { collection[$0].name == name }
        for (place, index) in lost.enumerated() {
            collection[index] = collection[index].again(from: sources[place % sources.count])
            pace.awaitShares(from: [collection[index].name])
        }
        pace.begin(now)
        return [.collectState(step: step, shares: collection)] + lost.compactMap { fetch(collection[$0], step) }
    }
}

extension CoordinatorAction.StateShare {
    fileprivate func again(from name: String) -> CoordinatorAction.StateShare {
        CoordinatorAction.StateShare(name: name, index: index, count: count, attempt: attempt + 1)
    }
}
