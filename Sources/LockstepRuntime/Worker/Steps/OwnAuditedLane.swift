internal import LockstepCluster
internal import LockstepEngine
internal import LockstepJobs

/// What its owner says of an audited lane: the hash of the memory that goes into the sums.
// Safe: the one compute thread that has the lane writes the hash before the step's threads meet, and the driver reads it after.
final class OwnAuditedLane: @unchecked Sendable {
    private(set) var hash: UInt64 = 0

    private let result: UnsafePointer<LaneResult>
    private let metricSums: UnsafeBufferPointer<Double>
    private let count: Int
    private let kernels: Kernels
    private let step: UInt32
    private let worker: String

    /// - Parameters:
    ///   - result: of the lane, as the step will leave it there.
    ///   - worker: the name of this one.
    init(
        _ result: UnsafePointer<LaneResult>, _ metricSums: UnsafeBufferPointer<Double>, _ job: ResolvedJob,
        kernels: Kernels, step: UInt32, worker: String
    ) {
        self.result = result
        self.metricSums = metricSums
        self.kernels = kernels
        self.step = step
        self.worker = worker
        count = job.plan.layout.count
    }

    func take(_ gradient: UnsafeMutablePointer<Float>) {
        #if LOCKSTEP_FAILPOINTS
        Failpoints.current.spoil(gradient, step: step, worker)
        #endif
        hash = LaneHash.hash(
            gradient: gradient, count: count, result: result.pointee, metricSums: metricSums, kernels: kernels)
    }
}
