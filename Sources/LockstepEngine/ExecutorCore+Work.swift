internal import CLockstepKernels

// What the threads are asked to do.
extension ExecutorCore {
    struct Batch {
        var parameters: UnsafePointer<Float>
        var inputs: UnsafePointer<Float>
        var targets: UnsafeRawPointer
        var laneStarts: UnsafePointer<UInt32>
        var gradients: UnsafePointer<UnsafeMutablePointer<Float>>?
        var results: UnsafeMutablePointer<LaneResult>
        var metricSums: UnsafeMutablePointer<Double>
        var outputs: UnsafeMutablePointer<Float>?
        var dropout = ls_dropout()
        var firstPosition: UInt32 = 0
        /// Training: hears of each bucket of the gradient that is complete.
        var bucketCompleted: (@Sendable (Int) -> Void)?
        /// Training: the lane that is computed by itself.
        var isolated: IsolatedLane?
    }

    struct Update {
        var parameters: UnsafeMutablePointer<Float>
        var first: UnsafeMutablePointer<Float>?
        var second: UnsafeMutablePointer<Float>?
        /// The sum over all lanes of the job.
        var gradient: UnsafePointer<Float>
        var step: OptimizerStep
        /// Samples of the global batch.
        var batchCount: Int
    }

    enum Work {
        case none
        case train(Batch)
        case evaluate(Batch)
        case update(Update)
        case hash(UnsafePointer<Float>)
        case finite(UnsafePointer<Float>)
    }
}
