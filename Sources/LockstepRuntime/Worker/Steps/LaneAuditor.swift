internal import LockstepCluster
internal import LockstepCollectives
internal import LockstepEngine
internal import LockstepJobs

/// Computes lanes a second time, whoever owns them. What a lane gives does not depend on its number, so one small executor
/// does for all. Used by the driver's thread.
final class LaneAuditor {
    private let job: ResolvedJob
    private let kernels: Kernels
    private let worker: String
    private let executor: Executor
    private let gradient: FloatMemory

    /// - Parameter worker: the name of this one.
    /// - Throws: `CommandError` where memory does not suffice.
    init(_ job: ResolvedJob, kernels: Kernels, worker: String) throws {
        self.job = job
        self.kernels = kernels
        self.worker = worker
        gradient = FloatMemory(count: job.plan.layout.count)
        executor = try Executor(
            plan: job.plan, kernels: kernels, lanes: 0..<1, laneTree: job.laneTree, batchSize: job.batchSize, threads: 1
        )
    }

    deinit { executor.shutdown() }

    /// The hash of what a lane gives in a training turn, from the state as it is.
    func hash(of lane: Int, in turn: Turn, _ state: FlatState) -> UInt64 {
        let batch = BatchLoader.batch(of: lane..<lane + 1, in: turn, job)
        var result = LaneResult()
        var metricSums = [Double](repeating: 0, count: max(1, job.plan.metricSumCount))
        _ = executor.train(
            parameters: state.parameters, inputs: batch.inputs.pointer, targets: batch.targets.pointer,
            laneStarts: batch.laneStarts, gradients: [gradient.pointer], results: &result, metricSums: &metricSums,
            context: StepContext(seed: job.seed, step: turn.step, firstPosition: batch.firstPosition))
        #if LOCKSTEP_FAILPOINTS
        Failpoints.current.spoil(gradient.pointer, step: turn.step, worker)
        #endif
        return metricSums.withUnsafeBufferPointer { sums in
            LaneHash.hash(
                gradient: gradient.pointer, count: job.plan.layout.count, result: result,
                metricSums: UnsafeBufferPointer(rebasing: sums.prefix(job.plan.metricSumCount)), kernels: kernels)
        }
    }
}
