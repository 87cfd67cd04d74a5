internal import LockstepCluster
internal import LockstepCore
internal import LockstepData
internal import LockstepEngine
internal import LockstepFormats
internal import LockstepJobs
internal import LockstepSnapshots

/// Turns the collected vectors of S(N) into a snapshot on disk, after they have proved to be the agreed state.
struct StateWriter: Sendable {
    let job: ResolvedJob
    let runDirectory: RunDirectory

    /// The collected state, or nil where its hash is another than the agreed one.
    func verified(_ collector: StateCollector, hash: StateHash) throws -> FlatState? {
        let state = try FlatState(layout: job.plan.layout, optimizer: job.plan.optimizer)
        let targets = [state.parameters] + state.vectors
        guard targets.count == collector.vectors.count else { return nil }
        for (target, vector) in zip(targets, collector.vectors) {
            target.update(from: vector.pointer, count: vector.count)
        }
        return state.hash(Kernels.best()) == hash ? state : nil
    }

    /// Writes `snapshots/step-N`.
    func write(_ state: FlatState, step: Int) throws(CommandError) -> WrittenSnapshot {
        let progress = job.order.progress(afterStep: step)
        let snapshot = StateSnapshot(
            parameters: state.parameterViews.map { TensorView($0) },
            optimizer: state.optimizerViews.map { TensorView($0) },
            position: TrainingPosition(step: step, epoch: progress.epoch, samplesDone: progress.samplesDone))
        let path = try SnapshotWriter(run: runDirectory).write(snapshot)
        return WrittenSnapshot(path: path, digest: snapshot.digest, stateDigest: snapshot.stateDigest)
    }
}

extension TensorView {
    fileprivate init(_ view: FlatState.View) {
        self.init(name: view.name, shape: view.shape, floats: UnsafeBufferPointer(view.elements))
    }
}
