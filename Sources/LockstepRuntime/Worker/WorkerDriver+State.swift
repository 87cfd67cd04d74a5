internal import LockstepCluster
internal import LockstepEngine
internal import LockstepJobs
internal import LockstepModels

/// Shares of the state that the coordinator collects.
extension WorkerDriver {
    /// What goes with the first share beside the vectors.
    private var numbers: [Double] {
        StateNumbers(watch: job?.watch == nil ? [] : watched.numbers, epochSums: core.lastEpoch).all
    }

    func copyShare(_ fetch: Fetch) {
        // The last one is still on its way: the coordinator does without this one.
        guard let state, network.isBulkIdle else { return }
        let start = ProcessClock.now
        let count = StateShare.range(fetch.share, of: fetch.count, elementCount: state.layout.count).count
        let copy =
            share.flatMap { $0.count == count ? $0 : nil } ?? ShareCopy(count: count, vectors: 1 + state.vectors.count)
        copy.fill(from: state, fetch, numbers: numbers)
        share = copy
        network.sendBulk(ShareFrames(copy))
        let end = ProcessClock.now
        done?.snapshot = start..<end
        done?.end = end
    }

    func sendShare(_ fetch: Fetch) {
        guard let state else { return }
        network.sendBulk(ShareFrames(of: state, fetch, numbers: numbers))
    }

    /// Gives the span of the last step away, once nothing more can belong to it.
    func flushSpan() {
        if let done { spans?.record(done) }
        done = nil
    }
}
