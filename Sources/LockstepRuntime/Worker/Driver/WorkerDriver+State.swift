internal import LockstepCluster
internal import LockstepData
internal import LockstepEngine
internal import LockstepJobs
internal import LockstepModels

/// Hashes of the state, and shares of it that the coordinator collects.
extension WorkerDriver {
    /// What belongs to the state beside its vectors.
    var numbers: [Double] {
        guard let job else { return [] }
        return StateNumbers(of: job, watched, epochSums: core.lastEpoch, epochSampleSum: core.epochSampleSum).all
    }

    func hashState() -> WorkerEvent? {
        guard let state else { return nil }
        let hashes = state.hashes(settings.kernels, numbers: numbers)
        if feeds != nil { feedStill() }
        return .stateHashed(hashes.parameters, whole: hashes.whole)
    }

    func copyShare(_ fetch: Fetch) {
        #if LOCKSTEP_FAILPOINTS
        pass(.snapshot, step: core.step)
        #endif
        // The last one is still on its way: the coordinator does without this one.
        guard let state, network.isBulkIdle else { return }
        let start = ProcessClock.now
        let count = StateShare.range(fetch.share, of: fetch.count, elementCount: state.layout.count).count
        let copy =
            share.flatMap { $0.count == count ? $0 : nil } ?? ShareCopy(count: count, vectors: 1 + state.vectors.count)
        copy.fill(from: state, fetch, numbers: numbers)
        share = copy
        network.sendBulk(ShareFrames(copy, generation: core.running))
        let end = ProcessClock.now
        done?.snapshot = start..<end
        done?.end = end
    }

    func sendShare(_ fetch: Fetch) {
        #if LOCKSTEP_FAILPOINTS
        pass(.snapshot, step: core.step)
        #endif
        guard let state else { return }
        let gate = gate ?? StateGate()
        self.gate = gate
        network.sendBulk(
            ShareFrames(of: state, fetch, generation: core.running, numbers: numbers, gate: gate))
    }

    /// Nobody reads the state any more when this returns, but who asks again.
    func closeGate() {
        gate?.close()
        gate = nil
    }

    /// What the core must know of a state.
    func held(
        _ point: StatePoint, _ hashes: StateHashes, _ watched: WatchState, _ numbers: StateNumbers, _ job: ResolvedJob
    ) -> HeldState {
        let step = Int(point.step)
        return HeldState(
            holding: Holding(point: point, hash: hashes.parameters, wholeHash: hashes.whole),
            isStopped: watched.isStopped,
            isBest: step > 0 && point.isJudged && watched.bestSnapshotStep == step,
            epoch: step == 0 ? 0 : UInt32(job.order.epoch(ofStep: step)),
            epochSums: step == 0 ? [] : numbers.epochSums, epochSampleSum: numbers.epochSampleSum)
    }

    /// Gives the span of the last step away, once nothing more can belong to it.
    func flushSpan() {
        if let done { spans?.record(done) }
        done = nil
    }
}
