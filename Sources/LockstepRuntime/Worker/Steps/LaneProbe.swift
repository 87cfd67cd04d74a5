internal import CLockstepKernels
internal import LockstepCollectives
internal import LockstepCore
internal import LockstepEngine
internal import LockstepJobs

/// What shows that two processes compute alike: the gradient of lane 0 in the run's first step. Program, kernels, data and
/// randomness all have a part in it.
enum LaneProbe {
    /// - Parameter state: S(0).
    /// - Returns: the hash of the gradient.
    /// - Throws: `CommandError` where memory or threads do not suffice.
    static func hash(_ job: ResolvedJob, _ state: FlatState, kernels: Kernels) throws -> StateHash {
        let batch = BatchLoader.batch(of: 0..<1, in: Turn(.train, step: 1), job)
        let executor = try Executor(
            plan: job.plan, kernels: kernels, lanes: 0..<1, laneTree: job.laneTree, batchSize: job.batchSize, threads: 1
        )
        defer { executor.shutdown() }
        let gradient = FloatMemory(count: job.plan.layout.count)
        var result = LaneResult()
        var metricSums = [Double](repeating: 0, count: max(1, job.plan.metricSumCount))
        return withExtendedLifetime(gradient) {
            let gradients = [gradient.pointer]
            _ = executor.train(
                parameters: state.parameters, inputs: batch.inputs.pointer, targets: batch.targets.pointer,
                laneStarts: batch.laneStarts, gradients: gradients, results: &result, metricSums: &metricSums,
                context: StepContext(seed: job.seed, step: 1, firstPosition: batch.firstPosition))
            // One that is no number has many bits: such a run says so in its first step.
            guard executor.isFinite(gradient.pointer) else { return StateHash(high: 0, low: 0) }
            return StateHashes(
                vectors: [UnsafePointer(gradient.pointer)], count: job.plan.layout.count, numbers: [], kernels: kernels
            ).parameters
        }
    }
}
