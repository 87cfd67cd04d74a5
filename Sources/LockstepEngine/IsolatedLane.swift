/// A lane that a training step computes by itself, so that its own gradient exists. Changes no bit of any sum.
package struct IsolatedLane: Sendable {
    /// One of the worker's, by its number in the job.
    package let lane: Int
    /// Told on a compute thread when the lane's gradient, loss and metrics are complete: this memory is what will be added to
    /// the other lanes' when the call returns.
    package let completed: @Sendable (UnsafeMutablePointer<Float>) -> Void

    package init(lane: Int, completed: @escaping @Sendable (UnsafeMutablePointer<Float>) -> Void) {
        self.lane = lane
        self.completed = completed
    }
}
