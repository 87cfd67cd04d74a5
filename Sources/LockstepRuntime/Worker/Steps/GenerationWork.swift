internal import CLockstepKernels
internal import LockstepCluster
internal import LockstepCollectives
internal import LockstepCore
internal import LockstepData
internal import LockstepEngine
internal import LockstepJobs

/// What a worker has in hand in one generation: its lanes' threads, samples, gradients. Used by the driver's thread.
final class GenerationWork {
    let roster: Roster
    /// The own place in it.
    let own: Int
    let lanes: Range<Int>
    /// Of all rails.
    let plans: [ExchangePlan]
    let schedule: TurnSchedule
    let memory: ExchangeMemory
    let job: ResolvedJob
    let kernels: Kernels
    private let executor: Executor
    private let loader: BatchLoader
    private let rootPointers: [UnsafeMutablePointer<Float>]
    let results: UnsafeMutablePointer<LaneResult>
    /// For each lane the sums of the metrics.
    let metricSums: UnsafeMutablePointer<Double>
    /// The next turn to ask for.
    private var prefetched: Turn?
    /// Turns whose batches are on their way, in order.
    private var asked: [Turn] = []
    private var sampleHash: UInt64 = 0
    /// What computes lanes a second time; nil until it is needed.
    var auditor: LaneAuditor?
    /// What the record says of the turn's audited lane.
    private var (ownLaneHash, auditHash): (UInt64, UInt64) = (0, 0)
    private(set) var times = TurnTimes()

    /// - Parameters:
    ///   - pool: of vectors; nil for new ones.
    ///   - isTimed: whether `takeTimes` has anything to say.
    /// - Throws: `CommandError`, `ExchangePlan.Fault`.
    init(
        roster: Roster, own: Int, job: ResolvedJob, kernels: Kernels, threads: Int, schedule: TurnSchedule,
        pool: FloatPool? = nil, isTimed: Bool = false
    ) throws {
        self.roster = roster
        self.own = own
        self.job = job
        self.kernels = kernels
        lanes = roster.members[own].lanes
        plans = try ExchangePlan.rails(
            tree: job.laneTree, lanes: roster.members.map(\.lanes), ownIndex: own,
            elementCount: job.plan.layout.count, sumCount: job.sumCount, settings: roster.exchange)
        self.schedule = schedule
        memory = ExchangeMemory(plans: plans, from: pool)
        rootPointers = memory.roots.map(\.pointer)
        executor = try Executor(
            plan: job.plan, kernels: kernels, lanes: lanes, laneTree: job.laneTree, batchSize: job.batchSize,
            threads: threads, isTimed: isTimed,
            gradientCuts: roster.members.count > 1 ? roster.exchange.bucketBoundaries : [],
            isolatesLanes: roster.auditEverySteps > 0)
        loader = try BatchLoader(job: job, lanes: lanes)
        results = .allocate(capacity: lanes.count)
        results.initialize(repeating: LaneResult(), count: lanes.count)
        let sums = lanes.count * job.plan.metricSumCount
        metricSums = .allocate(capacity: max(1, sums))
        metricSums.initialize(repeating: 0, count: max(1, sums))
        prefetched = schedule.first
        for _ in 0..<loader.depth { prefetchNext() }
    }

    deinit {
        loader.stop()
        executor.shutdown()
        results.deallocate()
        metricSums.deallocate()
    }

    /// What holds for all rails alike.
    var plan: ExchangePlan { plans[0] }

    // MARK: One turn

    /// Computes this worker's part of a turn from S(N−1).
    ///
    /// - Parameters:
    ///   - audit: that of the turn, where it has one.
    ///   - bucketCompleted: told on the compute threads when the own roots hold the final sums of a bucket.
    ///   - entered: hears of the stages.
    /// - Throws: `CommandError` where memory for an audit does not suffice.
    func compute(
        _ turn: Turn, state: FlatState, audit: LaneAudit? = nil, bucketCompleted: (@Sendable (Int) -> Void)? = nil,
        entered: (Stage) -> Void
    ) throws {
        (ownLaneHash, auditHash) = (0, 0)
        times = TurnTimes()
        times.loadStart = MonotonicClock.nanoseconds()
        guard turn.hasBatch else {
            sampleHash = 0
            results.update(repeating: LaneResult(), count: lanes.count)
            metricSums.update(repeating: 0, count: lanes.count * job.plan.metricSumCount)
            return
        }
        entered(.load)
        let batch = loader.take()
        asked.removeFirst()
        times.loadEnd = MonotonicClock.nanoseconds()
        sampleHash = batch.sampleHash
        entered(turn.phase == .train ? .forward : .evaluation)
        let context = StepContext(seed: job.seed, step: turn.step, firstPosition: batch.firstPosition)
        let ownLane = ownAuditedLane(audit, in: turn)
        let steps =
            turn.phase == .train
            ? executor.train(
                parameters: state.parameters, inputs: batch.inputs.pointer, targets: batch.targets.pointer,
                laneStarts: batch.laneStarts, gradients: rootPointers, results: results, metricSums: metricSums,
                context: context, bucketCompleted: bucketCompleted, isolated: ownLane?.isolated)
            : executor.evaluate(
                parameters: state.parameters, inputs: batch.inputs.pointer, targets: batch.targets.pointer,
                laneStarts: batch.laneStarts, results: results, metricSums: metricSums)
        times.forwardEnd = steps.forwardEnd
        times.backwardEnd = steps.backwardEnd
        loader.give(back: batch)
        prefetchNext()
        ownLaneHash = ownLane?.lane.hash ?? 0
        // What this worker has to send of its own lanes is on its way meanwhile.
        if let audit, audit.auditor == own { auditHash = try auditLane(audit.lane, of: turn, state) }
        #if LOCKSTEP_FAILPOINTS
        if let fault = Failpoints.current.lossNotFinite, turn.phase == .train, turn.step == fault.step,
            lanes.contains(fault.lane)
        {
            results[fault.lane - lanes.lowerBound].isFinite = false
        }
        #endif
    }

    /// What this worker tells the others about the turn it has computed. The state is read as it is now.
    ///
    /// - Parameters:
    ///   - judgement: what a decision's record says in the place of the hash of samples.
    ///   - hashesState: whether the state is hashed; else the record has zeros in its place.
    func record(
        state: FlatState, askedGeneration: UInt32, judgement: UInt64?, hashesState: Bool
    ) -> ControlRecord {
        let tree = job.laneTree
        let metricCount = job.plan.metricSumCount
        var sums: [Double] = []
        for root in plan.ownRoots {
            var values = root.lanes.map { lane in
                let index = lane - lanes.lowerBound
                let own = UnsafeBufferPointer(start: metricSums + index * metricCount, count: metricCount)
                return [results[index].loss, results[index].weight] + own
            }
            let nodes = root.lanes.map { LaneTree.Node($0..<$0 + 1) }
            for addition in tree.additions(of: nodes, to: root) ?? [] {
                for index in 0..<2 + metricCount {
                    values[addition.into][index] += values[addition.from][index]
                }
            }
            sums += values[0]
        }
        return ControlRecord(
            lanes: lanes, sums: sums, sampleHash: judgement ?? sampleHash,
            firstNonFiniteLane: lanes.first { !results[$0 - lanes.lowerBound].isFinite },
            stateHash: hashesState ? executor.hash(state) : StateHash(high: 0, low: 0),
            askedGeneration: askedGeneration, ownLaneHash: ownLaneHash, auditHash: auditHash)
    }

    /// How long the operations of training took; nothing unless they are timed.
    func takeTimes() -> [OperationTime] { executor.takeTimes() }

    /// Whether no element of the gradient's total is infinite or not a number.
    var totalIsFinite: Bool { executor.isFinite(memory.total.pointer) }

    /// Turns S(N−1) into S(N).
    func apply(_ turn: Turn, _ summary: RecordSummary, plateauFactor: Double, to state: FlatState) {
        job.apply(
            step: turn.step, totals: summary.totals, totalGradient: memory.total.pointer, plateauFactor: plateauFactor,
            to: state, executor, kernels)
    }

    /// The turn as it is reported.
    func report(_ turn: Turn, _ summary: RecordSummary, plateauFactor: Double, seconds: Double) -> StepReport {
        job.report(
            step: turn.step, totals: summary.totals, plateauFactor: plateauFactor, seconds: seconds,
            computeSeconds: times.computeSeconds, kernels)
    }

    /// What comes after a decision is not known yet: the loader goes on as if training did, and `stopsEarly` turns it
    /// round where it does not.
    private func prefetchNext() {
        while let turn = prefetched {
            prefetched = schedule.successor(of: turn)
            guard turn.hasBatch else { continue }
            loader.prefetch(turn)
            asked.append(turn)
            return
        }
    }

    /// Training stops with this decision: batches that were asked for in vain go back.
    func stopsEarly(after decision: Turn) {
        for _ in asked { loader.give(back: loader.take()) }
        asked = []
        prefetched = schedule.successor(of: decision, isStopping: true)
        for _ in 0..<loader.depth { prefetchNext() }
    }
}

extension ResolvedJob {
    /// What is computed after each epoch; nil where the job watches nothing.
    var validationSchedule: TurnSchedule.Validation? {
        guard watch != nil, let validationOrder else { return nil }
        return TurnSchedule.Validation(
            batches: UInt32(validationOrder.stepsPerEpoch), stepsPerEpoch: UInt32(order.stepsPerEpoch))
    }
}
