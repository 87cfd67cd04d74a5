internal import CLockstepKernels
internal import LockstepCluster
internal import LockstepCollectives
internal import LockstepCore
internal import LockstepData
internal import LockstepEngine
internal import LockstepJobs
internal import LockstepModels

/// What a worker has in hand in one generation: its lanes' threads, samples, gradients. Used by the driver's thread.
final class GenerationWork {
    let roster: Roster
    let lanes: Range<Int>
    let plan: ExchangePlan
    let schedule: TurnSchedule
    let memory: ExchangeMemory
    private let job: ResolvedJob
    private let kernels: Kernels
    private let executor: Executor
    private let loader: BatchLoader
    private let rootPointers: [UnsafeMutablePointer<Float>]
    private let results: UnsafeMutablePointer<LaneResult>
    private var prefetched: Turn?
    private var sampleHash: UInt64 = 0
    private(set) var times = TurnTimes()

    /// Float64 sums of a root in a control record: loss, weight, correct.
    static let sumCount = 3

    /// - Throws: `CommandError`, `ExchangePlan.Fault`.
    init(roster: Roster, own: Int, job: ResolvedJob, kernels: Kernels, threads: Int) throws {
        self.roster = roster
        self.job = job
        self.kernels = kernels
        lanes = roster.members[own].lanes
        guard let buckets = Buckets(elementCount: job.plan.layout.count, boundaries: roster.bucketBoundaries) else {
            throw CommandError.failed("the roster's buckets do not fit the plan")
        }
        plan = try ExchangePlan(
            tree: job.laneTree, lanes: roster.members.map(\.lanes), ownIndex: own, buckets: buckets,
            sumCount: GenerationWork.sumCount,
            chunkBytes: ExchangePlan.chunkBytes(elementCount: buckets.elementCount, members: roster.members.count))
        schedule = TurnSchedule(
            stepsDone: roster.startStep, lastStep: UInt32(job.stepCount),
            evaluationBatches: UInt32(job.testOrder?.stepsPerEpoch ?? 0))
        memory = ExchangeMemory(plan: plan)
        rootPointers = memory.roots.map(\.pointer)
        executor = try Executor(
            plan: job.plan, kernels: kernels, lanes: lanes, laneTree: job.laneTree, batchSize: job.batchSize,
            threads: threads)
        loader = try BatchLoader(job: job, lanes: lanes)
        results = .allocate(capacity: lanes.count)
        results.initialize(repeating: LaneResult(), count: lanes.count)
        prefetched = schedule.first
        for _ in 0..<BatchLoader.depth { prefetchNext() }
    }

    deinit {
        loader.stop()
        executor.shutdown()
        results.deallocate()
    }

    // MARK: One turn

    /// Computes this worker's part of a turn from S(N−1). `entered` hears of the stages.
    func compute(_ turn: Turn, state: FlatState, entered: (Stage) -> Void) {
        times = TurnTimes()
        times.loadStart = MonotonicClock.nanoseconds()
        guard turn.phase != .closing else {
            sampleHash = 0
            results.update(repeating: LaneResult(), count: lanes.count)
            return
        }
        entered(.load)
        let batch = loader.take()
        times.loadEnd = MonotonicClock.nanoseconds()
        sampleHash = batch.sampleHash
        entered(turn.phase == .train ? .forward : .evaluation)
        let steps =
            turn.phase == .train
            ? executor.train(
                parameters: state.parameters, inputs: batch.inputs.pointer, labels: batch.labels,
                laneStarts: batch.laneStarts, gradients: rootPointers, results: results)
            : executor.evaluate(
                parameters: state.parameters, inputs: batch.inputs.pointer, labels: batch.labels,
                laneStarts: batch.laneStarts, results: results)
        times.forwardEnd = steps.forwardEnd
        times.backwardEnd = steps.backwardEnd
        loader.give(back: batch)
        prefetchNext()
        #if LOCKSTEP_FAILPOINTS
        if let fault = Failpoints.current.lossNotFinite, turn.phase == .train, turn.step == fault.step,
            lanes.contains(fault.lane)
        {
            results[fault.lane - lanes.lowerBound].isFinite = false
        }
        #endif
    }

    /// What this worker tells the others about the turn it has computed. The state is read as it is now.
    func record(state: FlatState, askedGeneration: UInt32) -> ControlRecord {
        let tree = job.laneTree
        var sums: [Double] = []
        for root in plan.ownRoots {
            var values = root.lanes.map { lane in
                let result = results[lane - lanes.lowerBound]
                return [result.loss, result.weight, result.correct]
            }
            let nodes = root.lanes.map { LaneTree.Node($0..<$0 + 1) }
            for addition in tree.additions(of: nodes, to: root) ?? [] {
                for index in 0..<GenerationWork.sumCount {
                    values[addition.into][index] += values[addition.from][index]
                }
            }
            sums += values[0]
        }
        return ControlRecord(
            lanes: lanes, sums: sums, sampleHash: sampleHash,
            firstNonFiniteLane: lanes.first { !results[$0 - lanes.lowerBound].isFinite },
            stateHash: executor.hash(state), askedGeneration: askedGeneration)
    }

    /// Whether no element of the gradient's total is infinite or not a number.
    var totalIsFinite: Bool { kernels.table.pointee.all_finite(memory.total.count, memory.total.pointer) }

    /// Turns S(N−1) into S(N).
    func apply(_ turn: Turn, _ summary: RecordSummary, to state: FlatState) {
        let step = job.optimizer.step(
            Int(turn.step), of: job.stepCount, totalWeight: summary.totals[1], kernels: kernels)
        executor.update(state, optimizer: step, totalGradient: memory.total.pointer)
    }

    /// The turn as it is reported.
    func report(_ turn: Turn, _ summary: RecordSummary, seconds: Double) -> StepReport {
        let step = Int(turn.step)
        let weight = summary.totals[1]
        return StepReport(
            step: turn.step, epoch: UInt32(job.order.epoch(ofStep: step)),
            loss: weight > 0 ? summary.totals[0] / weight : 0,
            metrics: [
                StepReport.NamedValue(
                    name: Metric.accuracy.rawValue,
                    value: Metric.accuracy.value(correct: summary.totals[2], weight: weight))
            ],
            learningRate: job.optimizer.learningRate.rate(atStep: step, of: job.stepCount, kernels: kernels),
            samples: UInt32(job.order.batchCount(ofStep: step)), seconds: seconds)
    }

    private func prefetchNext() {
        while let turn = prefetched {
            prefetched = schedule.successor(of: turn)
            guard turn.phase != .closing else { continue }
            loader.prefetch(turn)
            return
        }
    }
}

/// When the parts of a turn began and ended, in nanoseconds of the monotonic clock.
struct TurnTimes {
    var loadStart: UInt64 = 0
    var loadEnd: UInt64 = 0
    var forwardEnd: UInt64 = 0
    var backwardEnd: UInt64 = 0
}
