internal import LockstepEngine
internal import LockstepFormats
internal import LockstepSnapshots

extension StateSnapshot {
    /// The whole state S(step) as named tensors; a copy. PyTorch's counters of batches stand among the parameters, so
    /// that `load_state_dict` misses nothing.
    ///
    /// - Parameter watch: nil where the job watches nothing.
    init(_ state: FlatState, step: Int, epoch: Int, samplesDone: Int, watch: [Double]?) {
        let counters = state.layout.batchCounters.map { TensorView(name: $0, integer: Int64(step)) }
        self.init(
            parameters: state.parameterViews.map { TensorView($0) } + counters,
            optimizer: state.optimizerViews.map { TensorView($0) },
            position: TrainingPosition(step: step, epoch: epoch, samplesDone: samplesDone), watch: watch)
    }
}

extension TensorView {
    fileprivate init(_ view: FlatState.View) {
        self.init(name: view.name, shape: view.shape, floats: UnsafeBufferPointer(view.elements))
    }
}
