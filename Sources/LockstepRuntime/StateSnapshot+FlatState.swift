internal import LockstepEngine
internal import LockstepFormats
internal import LockstepSnapshots

extension StateSnapshot {
    /// The whole state S(step) as named tensors; a copy.
    ///
    /// - Parameter watch: nil where the job watches nothing.
    init(_ state: FlatState, step: Int, epoch: Int, samplesDone: Int, watch: [Double]?) {
        self.init(
            parameters: state.parameterViews.map { TensorView($0) },
            optimizer: state.optimizerViews.map { TensorView($0) },
            position: TrainingPosition(step: step, epoch: epoch, samplesDone: samplesDone), watch: watch)
    }
}

extension TensorView {
    fileprivate init(_ view: FlatState.View) {
        self.init(name: view.name, shape: view.shape, floats: UnsafeBufferPointer(view.elements))
    }
}
