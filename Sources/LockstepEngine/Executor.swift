internal import CLockstepKernels
package import LockstepCore

/// Carries out a plan for the lanes of one worker, on the caller's thread and on threads of its own. All memory
/// is taken at the start; after that the threads allocate nothing.
// Safe to share: calls take turns, and the threads touch their work only while a call waits for them.
package final class Executor: @unchecked Sendable {
    /// The maximal complete subtrees of the worker's lanes, in lane order.
    package let roots: [LaneTree.Node]
    /// The number of compute threads.
    package let threadCount: Int
    /// The parts of the gradient of which `train` tells when they are complete.
    package var buckets: [Range<Int>] { core.buckets.ranges }

    let core: ExecutorCore
    private let threads: ComputeThreads
    private let turn = Monitor()
    let lanes: Range<Int>
    let batchSize: Int
    private var lastTraining = StepTimes(start: 0, forwardEnd: 0, backwardEnd: 0)

    /// - Parameters:
    ///   - lanes: the worker's lanes, at least one.
    ///   - batchSize: the largest global batch, in training or evaluation.
    ///   - threads: at least 1; never more are used than lanes are owned.
    ///   - lanesPerGroup: the most lanes that a thread computes as one batch; changes no bit. Where it is nil, as many
    ///     as keep a group's values near the cache.
    ///   - threadName: threads are called `<threadName>-1` and so on; the first is the caller's.
    ///   - isTimed: whether `takeTimes` has anything to say.
    ///   - gradientCuts: the ends of the gradient's buckets in floats, ascending, multiples of `FlatLayout.alignment`; that
    ///     of the last, `layout.count`, may be left out. Changes no bit.
    ///   - isolatesLanes: whether `train` may be given an isolated lane; takes memory for a few more gradients.
    /// - Throws: `CommandError` where memory or threads do not suffice, or cuts do not fit.
    package convenience init(
        plan: Plan, kernels: Kernels, lanes: Range<Int>, laneTree: LaneTree, batchSize: Int, threads: Int,
        lanesPerGroup: Int? = nil, threadName: String = "compute", isTimed: Bool = false, gradientCuts: [Int] = [],
        isolatesLanes: Bool = false
    ) throws {
        try self.init(
            plan: plan, kernels: kernels, lanes: lanes, laneTree: laneTree, batchSize: batchSize, threads: threads,
            lanesPerGroup: lanesPerGroup, threadName: threadName, isTimed: isTimed,
            buckets: GradientBuckets(ends: gradientCuts, plan: plan), isolatesLanes: isolatesLanes)
    }

    init(
        plan: Plan, kernels: Kernels, lanes: Range<Int>, laneTree: LaneTree, batchSize: Int, threads: Int,
        lanesPerGroup: Int?, threadName: String, isTimed: Bool, buckets: GradientBuckets, isolatesLanes: Bool = false
    ) throws {
        precondition(!lanes.isEmpty && lanes.lowerBound >= 0 && lanes.upperBound <= laneTree.laneCount)
        let limit = lanesPerGroup ?? Executor.lanesPerGroup(plan, laneCount: laneTree.laneCount, batchSize: batchSize)
        let schedule = LaneSchedule(lanes: lanes, tree: laneTree, threads: threads, lanesPerGroup: max(1, limit))
        roots = schedule.roots
        threadCount = schedule.threads.count
        self.lanes = lanes
        self.batchSize = batchSize
        core = try ExecutorCore(
            plan: plan, kernels: kernels, schedule: schedule, lanes: lanes, laneCount: laneTree.laneCount,
            batchSize: batchSize, buckets: buckets, isTimed: isTimed, isolates: isolatesLanes)
        self.threads = try ComputeThreads(count: schedule.threads.count, name: threadName, work: core)
    }

    /// Forward, loss and backward over the worker's samples.
    ///
    /// - Parameters:
    ///   - parameters: the flat parameters.
    ///   - inputs: the worker's samples in the order of their positions.
    ///   - targets: `plan.targetElements` words of 4 bytes a sample: classes below `plan.classes` as Int32, or Floats.
    ///   - laneStarts: for each of the worker's lanes the row where it begins, and the number of rows.
    ///   - gradients: for each root room for `layout.count` floats, 64-byte aligned; receives the summed gradient,
    ///     zero between tensors.
    ///   - results: for each of the worker's lanes one.
    ///   - metricSums: for each of the worker's lanes `plan.metricSumCount`, lane by lane.
    ///   - bucketCompleted: is told the number of each of `buckets` once, as soon as all `gradients` hold its final sums, while
    ///     the rest of backward still runs. Called on the compute threads, also on several at once; it must be quick.
    ///   - isolated: a lane that is computed by itself. Changes no bit.
    package func train(
        parameters: UnsafePointer<Float>, inputs: UnsafePointer<Float>, targets: UnsafeRawPointer,
        laneStarts: UnsafePointer<UInt32>, gradients: UnsafePointer<UnsafeMutablePointer<Float>>,
        results: UnsafeMutablePointer<LaneResult>, metricSums: UnsafeMutablePointer<Double>, context: StepContext,
        bucketCompleted: (@Sendable (Int) -> Void)? = nil, isolated: IsolatedLane? = nil
    ) -> StepTimes {
        let key = Philox(seed: context.seed, purpose: .dropout).key
        let dropout = ls_dropout(key: (key.x, key.y), site: 0, step: context.step, threshold: 0, scale: 1)
        let batch = ExecutorCore.Batch(
            parameters: parameters, inputs: inputs, targets: targets, laneStarts: laneStarts, gradients: gradients,
            results: results, metricSums: metricSums, dropout: dropout, firstPosition: context.firstPosition,
            bucketCompleted: bucketCompleted, isolated: isolated)
        return perform(.train(batch))
    }

    /// Forward and loss, as in inference.
    ///
    /// - Parameter outputs: where given, receives what the model gives, `plan.outputElements` floats for each sample in
    ///   the order of `inputs`.
    package func evaluate(
        parameters: UnsafePointer<Float>, inputs: UnsafePointer<Float>, targets: UnsafeRawPointer,
        laneStarts: UnsafePointer<UInt32>, results: UnsafeMutablePointer<LaneResult>,
        metricSums: UnsafeMutablePointer<Double>, outputs: UnsafeMutablePointer<Float>? = nil
    ) -> StepTimes {
        let batch = ExecutorCore.Batch(
            parameters: parameters, inputs: inputs, targets: targets, laneStarts: laneStarts, gradients: nil,
            results: results, metricSums: metricSums, outputs: outputs)
        return perform(.evaluate(batch))
    }

    /// The optimizer over the whole flat state, and the buffers by their rules.
    ///
    /// - Parameters:
    ///   - totalGradient: the sum over all lanes of the job; it is only read.
    ///   - batchCount: the samples of the global batch.
    package func update(
        _ state: FlatState, optimizer: OptimizerStep, totalGradient: UnsafePointer<Float>, batchCount: Int
    ) {
        precondition(state.optimizer == optimizer.kind)
        let vectors = state.optimizerVectors
        _ = perform(
            .update(
                ExecutorCore.Update(
                    parameters: state.parameters, first: vectors.first, second: vectors.dropFirst().first,
                    gradient: totalGradient, step: optimizer, batchCount: batchCount)))
    }

    /// Whether no element of a gradient is infinite or not a number.
    package func isFinite(_ totalGradient: UnsafePointer<Float>) -> Bool {
        turn.lock()
        defer { turn.unlock() }
        core.work = .finite(totalGradient)
        threads.run()
        return core.allFinite
    }

    /// The hash of the parameters and buffers.
    package func hash(_ state: FlatState) -> StateHash {
        turn.lock()
        defer { turn.unlock() }
        core.work = .hash(state.parameters)
        threads.run()
        return core.combinedHash
    }

    /// How long the operations of training took on the first thread since the last call.
    package func takeTimes() -> [OperationTime] {
        turn.lock()
        defer { turn.unlock() }
        return core.clock?.take() ?? []
    }

    /// When the buckets were complete in the last training step.
    package var gradientTimeline: GradientTimeline {
        turn.lock()
        defer { turn.unlock() }
        return GradientTimeline(
            ranges: core.buckets.ranges, completionTimes: core.lanes.progress.completionTimes, lastTraining)
    }

    /// Ends the threads. Nothing else may be called afterwards.
    package func shutdown() {
        turn.lock()
        defer { turn.unlock() }
        threads.stop()
    }

    /// Groups whose arena is larger than this are cut. A convolutional network of 25 MiB in one group took 5 to 10 %
    /// longer than in two; a perceptron is faster the larger its groups, and stays far below.
    private static let groupBytes = 16 << 20
    /// Each further group writes a gradient of its own and adds it: where the parameters are large, that costs more than
    /// an arena beyond the cache, so groups may be so many times as large as the parameters.
    private static let parametersPerGroup = 4

    private static func lanesPerGroup(_ plan: Plan, laneCount: Int, batchSize: Int) -> Int {
        let floatsPerLane = plan.training.floatsPerSample.multipliedSaturating(by: max(1, batchSize / laneCount))
        return max(groupBytes / 4, parametersPerGroup * plan.layout.count) / max(1, floatsPerLane)
    }

    private func perform(_ work: ExecutorCore.Work) -> StepTimes {
        turn.lock()
        defer { turn.unlock() }
        let start = MonotonicClock.nanoseconds()
        core.work = work
        core.prepare()
        threads.run()
        let times = StepTimes(
            start: start, forwardEnd: core.forwardEnd, backwardEnd: MonotonicClock.nanoseconds())
        if case .train = work {
            lastTraining = times
            core.work = .none
            core.lanes.progress.end()
        }
        return times
    }
}
