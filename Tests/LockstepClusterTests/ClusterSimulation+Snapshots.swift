import LockstepCluster
import LockstepCore
import LockstepTestSupport

/// Judgements, shares and snapshots, as the shells do them.
extension ClusterSimulation {
    func judge(_ index: Int, _ sums: [Double]) {
        guard processes[index].isPresent else { return }
        processes[index].state.judge(sums, scenario.job)
        let step = processes[index].state.step
        var isStopping = processes[index].state.watch.isStopped
        if case .misjudge(let worker, step) = scenario.faults.first, processes[index].name == "w\(worker)" {
            isStopping.toggle()
        }
        let state = processes[index].state
        atWorker(
            index,
            .judged(
                isStopping: isStopping, snapshots: scenario.job.snapshotsBest && state.isBest,
                watchHash: state.watchHash))
    }

    // MARK: Shares

    func copyShare(_ index: Int, _ fetch: Fetch, isBest: Bool) {
        let state = processes[index].state
        if fetch.step != state.step { violations.append("a share of another step was copied") }
        if isBest != (scenario.job.snapshotsBest && state.isBest) { violations.append("\(fetch.step) is not the best") }
        if Int.random(in: 0..<10, using: &random) < scenario.skippedShares { return }
        if case .staleShares(let worker) = scenario.faults.first, processes[index].name == "w\(worker)" {
            return sendShare(index, fetch, processes[index].previous)
        }
        sendShare(index, fetch, state)
    }

    /// In two frames, the last of which completes the share.
    func sendShare(_ index: Int, _ fetch: Fetch, _ state: SimulatedState) {
        let line = "from \(processes[index].bulk)"
        travel(.share(index, Fetch(step: fetch.step, share: fetch.share, count: 0), state), line: line)
        travel(.share(index, fetch, state), line: line)
    }

    func collect(_ fetch: Fetch, _ state: SimulatedState, from index: Int) {
        guard coordinator.bulkOwner(of: processes[index].bulk) == processes[index].name,
            let shares = coordinator.expectedShares(ofStep: fetch.step)
        else { return }
        guard let share = shares.first(where: { $0.name == processes[index].name }), share.index == fetch.share else {
            return violations.append("a share came from nobody")
        }
        atCoordinator(.shareReceived(name: processes[index].name, step: fetch.step))
        guard fetch.count == shares.count else { return }
        collections[fetch.step, default: [:]][fetch.share] = state
        guard let complete = collections[fetch.step], complete.count == shares.count else { return }
        collections[fetch.step] = nil
        collected[fetch.step] = shares.map { complete[$0.index] ?? SimulatedState() }
        if flaw == .writesUnagreed, agreed[fetch.step] == nil, let state = collected[fetch.step]?.first {
            commit(fetch.step, state)
        }
        queue.add(.atCoordinator(.stateCollected(step: fetch.step)), at: now)
    }

    // MARK: The disk

    func write(_ step: UInt32, _ hash: StateHash, isBest: Bool) {
        if isWriting { violations.append("two snapshots are written at once") }
        guard let shares = collected.removeValue(forKey: step), let first = shares.first else {
            return violations.append("a state is written that was not collected")
        }
        isWriting = true
        let isKnown = scenario.job.states.indices.contains(Int(step))
        let isReallyBest = scenario.job.snapshotsBest && isKnown && scenario.job.states[Int(step)].isBest
        if isBest != isReallyBest { violations.append("step \(step) is not the best") }
        let time = now + delay(1_000_000...scenario.slowestWrite)
        let isMidRun = if case .writing = coordinator.mode { false } else { true }
        if flaw != .trustsShares, shares.contains(where: { $0.hash != hash }) {
            queue.add(.atCoordinator(.stateInvalid(step: step, reason: "its hash is not \(hash)")), at: time)
        } else if isMidRun, scenario.faults.contains(.fullDisk) {
            queue.add(.atCoordinator(.snapshotFailed(step: step, reason: "no space left on device")), at: time)
        } else {
            // A mixture of shares is told by its worst.
            queue.add(.written(step, shares.first { $0.hash != hash } ?? first), at: time)
        }
    }

    func commit(_ step: UInt32, _ state: SimulatedState) {
        let job = scenario.job
        if state.step != step || step >= job.states.count || job.states[Int(step)] != state {
            violations.append("the snapshot of step \(step) holds another state")
        }
        let isEnd = if case .writing(step, _) = coordinator.mode { true } else { false }
        if !isEnd, agreed[step] != state.hash {
            violations.append("the snapshot of step \(step) was written before anyone said that all agree")
        }
        snapshots.removeAll { $0.step == step }
        snapshots.append(state)
        isWriting = false
        atCoordinator(.snapshotWritten(step: step, digest: DigestBuilder.digest(of: [UInt8(step)])))
    }
}
