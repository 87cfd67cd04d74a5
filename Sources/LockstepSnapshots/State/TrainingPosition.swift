package import LockstepFormats

/// Where training stands: the tensor `position` of a snapshot.
package struct TrainingPosition: Sendable, Hashable {
    /// Steps done.
    package var step: Int
    /// The epoch of the last step, from 1.
    package var epoch: Int
    /// Samples of that epoch that are done.
    package var samplesDone: Int

    package init(step: Int, epoch: Int, samplesDone: Int) {
        self.step = step
        self.epoch = epoch
        self.samplesDone = samplesDone
    }

    /// I64 [3].
    package var tensor: TensorView {
        TensorView(name: "position", integers: [Int64(step), Int64(epoch), Int64(samplesDone)])
    }
}
