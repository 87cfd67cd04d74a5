internal import LockstepCluster
internal import LockstepData
internal import LockstepEngine
internal import LockstepJobs

/// What a step does to the state, and what is said of it: the same for members and observers.
extension ResolvedJob {
    /// Turns S(step − 1) into S(step).
    ///
    /// - Parameters:
    ///   - totals: the sums over all lanes: loss, weight, then metrics.
    ///   - totalGradient: the sum over all lanes.
    func apply(
        step: UInt32, totals: [Double], totalGradient: UnsafePointer<Float>, plateauFactor: Double,
        to state: FlatState, _ executor: Executor, _ kernels: Kernels
    ) {
        let optimizer = optimizerStep(
            step: Int(step), totalWeight: totals[1], plateauFactor: plateauFactor, kernels: kernels)
        executor.update(
            state, optimizer: optimizer, totalGradient: totalGradient, batchCount: order.batchCount(ofStep: Int(step)))
    }

    /// A step as it is reported.
    ///
    /// - Parameters:
    ///   - plateauFactor: of the state before the step.
    ///   - computeSeconds: 0 where the own process computed no part of it.
    func report(
        step: UInt32, totals: [Double], plateauFactor: Double, seconds: Double, computeSeconds: Double,
        _ kernels: Kernels
    ) -> StepReport {
        let measures = measures(of: totals)
        return StepReport(
            step: step, epoch: UInt32(order.epoch(ofStep: Int(step))), loss: measures?.loss ?? 0,
            metrics: (measures?.metrics ?? []).map { StepReport.NamedValue(name: $0.name, value: $0.value) },
            learningRate: rate(atStep: Int(step), plateauFactor: plateauFactor, kernels: kernels),
            samples: UInt32(order.batchCount(ofStep: Int(step))), seconds: seconds, computeSeconds: computeSeconds)
    }
}
