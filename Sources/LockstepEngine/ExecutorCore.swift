internal import CLockstepKernels
internal import LockstepCore

/// What the threads of an executor share.
// Safe to share: `work` and the rows change only while all threads sleep; each thread writes only what is its own
// between two meetings at the barrier.
final class ExecutorCore: ThreadWork, @unchecked Sendable {
    /// One thread's memory and what it has to say.
    struct ThreadState {
        var arena: UnsafeMutablePointer<Float>
        var laneArena: UnsafeMutablePointer<Float>
        var shared: UnsafeMutablePointer<Float>
        var scratch: UnsafeMutablePointer<Float>
        var contribution: UnsafeMutablePointer<Float>
        var capacity: Int
        var forwardEnd: UInt64 = 0
        var hash: (UInt64, UInt64) = (0, 0)
        var isFinite = true
    }

    /// Set while all threads sleep.
    var work = Work.none

    let kernels: UnsafePointer<ls_kernels>
    let plan: Plan
    private let sampleElements: Int
    let schedule: LaneSchedule
    /// The worker's, by their numbers in the job.
    let ownLanes: Range<Int>
    /// Whether a lane can be computed by itself.
    let isolates: Bool
    /// Lanes of the job, and the most of them in a group.
    let laneCount: Int
    private let laneCapacity: Int
    let barrier: Barrier
    let trainingInstructions: UnsafeBufferPointer<Instruction>
    /// By instruction of training as it is run: its number in the plan.
    private let trainingNumbers: UnsafeBufferPointer<Int32>
    private let inferenceInstructions: UnsafeBufferPointer<Instruction>
    let packings: UnsafeBufferPointer<Packing>
    private let inferencePackings: Int
    /// By instruction: the number of the packing that is made just before it, or −1; empty where all are made at the start.
    let trainingPackingsAtUse: UnsafeBufferPointer<Int32>
    private let inferencePackingsAtUse: UnsafeBufferPointer<Int32>
    /// How the lanes are laid out in the work at hand; set while all threads sleep.
    var lanes: LaneTables
    let together: LaneTables
    /// Of the last step that isolated a lane.
    var isolating: LaneTables?
    private let paddings: UnsafeBufferPointer<Range<Int>>
    private let classWeights: UnsafeBufferPointer<Float>
    private let metrics: UnsafeBufferPointer<MetricSum>
    let statistics: UnsafeBufferPointer<RunningStatistic>
    private let metricSumCount: Int
    private let outputElements: Int
    private let targetElements: Int
    /// By block of the flat gradient: the sum of its squares.
    let squareSums: UnsafeMutablePointer<Double>
    let squareSumCount: Int
    let threadStates: UnsafeMutablePointer<ThreadState>
    let packed: AlignedMemory
    let gradientBuffers: AlignedMemory
    /// A block for each thread, where the gradient is clipped and penalized.
    let preparedGradients: AlignedMemory
    private let threadMemory: [AlignedMemory]
    /// Where operations are timed; used by the first thread.
    let clock: OperationClock?
    let buckets: GradientBuckets
    let isolatingProgress: GradientProgress

    init(
        plan: Plan, kernels: Kernels, schedule: LaneSchedule, lanes: Range<Int>, laneCount: Int, batchSize: Int,
        buckets: GradientBuckets, isTimed: Bool = false, isolates: Bool = false
    ) throws {
        self.buckets = buckets
        self.isolates = isolates
        ownLanes = lanes
        let progress = GradientProgress(
            buckets, threads: schedule.threads.count, hasAdditions: !schedule.additions.isEmpty)
        isolatingProgress =
            isolates ? GradientProgress(buckets, threads: schedule.threads.count, hasAdditions: true) : progress
        clock = isTimed ? OperationClock(plan) : nil
        self.kernels = kernels.table
        self.plan = plan
        sampleElements = plan.sampleElements
        self.schedule = schedule
        let samples = try ExecutorCore.capacity(
            lanes: schedule.groups.reduce(0) { $0 + $1.lanes.count }, of: laneCount, batchSize: batchSize)
        let choice = PackingChoice(plan, samples: samples, groups: schedule.groups.count)
        packed = try AlignedMemory(count: choice.floats, purpose: "the packed weights")
        preparedGradients = try AlignedMemory(
            count: schedule.threads.count * Int(LS_HASH_BLOCK), purpose: "the prepared gradients")
        gradientBuffers = try AlignedMemory(
            count: (isolates ? schedule.mostBufferCount : schedule.bufferCount)
                .multipliedSaturating(by: plan.layout.count), purpose: "the lanes' gradients")
        let capacities = try schedule.threads.map { groups in
            try schedule.groups[groups].map {
                try ExecutorCore.capacity(lanes: $0.lanes.count, of: laneCount, batchSize: batchSize)
            }.max() ?? 0
        }
        self.laneCount = laneCount
        let laneCapacity = schedule.groups.map(\.lanes.count).max() ?? 0
        self.laneCapacity = laneCapacity
        threadMemory = try capacities.map { capacity in
            try AlignedMemory(
                count: plan.arenaFloats(samples: capacity, lanes: laneCapacity), purpose: "a thread's arena")
        }
        barrier = Barrier(count: schedule.threads.count)
        trainingInstructions = ExecutorCore.copied(buckets.parted(choice.training))
        trainingNumbers = ExecutorCore.copied(buckets.parts.map { Int32($0.instruction) })
        inferenceInstructions = ExecutorCore.copied(choice.inference)
        packings = ExecutorCore.copied(choice.packings)
        inferencePackings = choice.inferenceCount
        trainingPackingsAtUse = ExecutorCore.copied(
            choice.trainingPackings.isEmpty ? [] : buckets.parts.map { choice.trainingPackings[$0.instruction] })
        inferencePackingsAtUse = ExecutorCore.copied(choice.inferencePackings)
        together = LaneTables(schedule, progress: progress, memory: gradientBuffers.floats)
        self.lanes = together
        paddings = ExecutorCore.copied(plan.layout.paddings)
        classWeights = ExecutorCore.copied(plan.loss.classWeights)
        metrics = ExecutorCore.copied(plan.metricSums)
        statistics = ExecutorCore.copied(plan.runningStatistics)
        metricSumCount = plan.metricSumCount
        outputElements = plan.outputElements
        targetElements = plan.targetElements
        squareSumCount = (plan.layout.parameterEnd + Int(LS_HASH_BLOCK) - 1) / Int(LS_HASH_BLOCK)
        squareSums = .allocate(capacity: squareSumCount)
        squareSums.initialize(repeating: 0, count: squareSumCount)
        threadStates = .allocate(capacity: capacities.count)
        for (index, capacity) in capacities.enumerated() {
            let arena = threadMemory[index].floats
            let laneArena = arena + plan.floatsPerSample * capacity
            let shared = laneArena + plan.training.floatsPerLane * laneCapacity
            let scratch = laneArena + plan.laneFloats(lanes: laneCapacity)
            (threadStates + index).initialize(
                to: ThreadState(
                    arena: arena, laneArena: laneArena, shared: shared, scratch: scratch,
                    contribution: scratch + plan.scratchFloats(samples: capacity, lanes: laneCapacity),
                    capacity: capacity))
        }
    }

    deinit {
        trainingInstructions.deallocate()
        trainingNumbers.deallocate()
        inferenceInstructions.deallocate()
        packings.deallocate()
        trainingPackingsAtUse.deallocate()
        inferencePackingsAtUse.deallocate()
        together.deallocate()
        isolating?.deallocate()
        paddings.deallocate()
        classWeights.deallocate()
        metrics.deallocate()
        statistics.deallocate()
        squareSums.deallocate()
        threadStates.deallocate()
    }

    /// When the last thread had its losses.
    var forwardEnd: UInt64 { schedule.threads.indices.reduce(0) { max($0, threadStates[$1].forwardEnd) } }

    var allFinite: Bool { schedule.threads.indices.allSatisfy { threadStates[$0].isFinite } }

    var combinedHash: StateHash {
        let sums = schedule.threads.indices.reduce((UInt64(0), UInt64(0))) {
            ($0.0 &+ threadStates[$1].hash.0, $0.1 &+ threadStates[$1].hash.1)
        }
        return StateHash(high: sums.0, low: sums.1)
    }

    /// Lays out the rows of the groups for the work at hand, while all threads sleep.
    func prepare() {
        let batch: Batch
        switch work {
        case .train(let value), .evaluate(let value): batch = value
        case .none, .update, .hash, .finite: return
        }
        layOut(isolating: batch.isolated?.lane)
        let tables = lanes
        for (thread, range) in tables.threads.enumerated() {
            for group in range {
                let lanes = tables.groups[group].lanes
                let first = batch.laneStarts[lanes.lowerBound]
                for lane in lanes.lowerBound...lanes.upperBound {
                    precondition(batch.laneStarts[lane] >= first, "lanes in order")
                    tables.rows[group + lane] = batch.laneStarts[lane] - first
                }
                precondition(Int(tables.rows[group + lanes.upperBound]) <= threadStates[thread].capacity, "rows fit")
            }
        }
        guard let gradients = batch.gradients else { return }
        tables.progress.begin(batch.bucketCompleted)
        for (index, subtree) in tables.subtrees.enumerated() {
            tables.destinations[index] =
                subtree.buffer < 0
                ? gradients[subtree.root] : gradientBuffers.floats + subtree.buffer * plan.layout.count
        }
    }

    // MARK: On the compute threads

    func perform(thread: Int) {
        switch work {
        case .none: break
        case .train(let batch): train(thread, batch)
        case .evaluate(let batch): evaluate(thread, batch)
        case .update(let value): update(thread, value)
        case .hash(let parameters): hash(thread, parameters)
        case .finite(let gradient): threadStates[thread].isFinite = isFinite(thread, gradient)
        }
    }

    private func evaluate(_ thread: Int, _ batch: Batch) {
        if inferencePackingsAtUse.isEmpty { pack(thread, batch.parameters, inferencePackings) }
        barrier.wait()
        for group in lanes.threads[thread] {
            run(thread, group, batch).run(inferenceInstructions, 0..<inferenceInstructions.count)
        }
        threadStates[thread].forwardEnd = MonotonicClock.nanoseconds()
    }

    private func hash(_ thread: Int, _ parameters: UnsafePointer<Float>) {
        let share = share(thread, of: plan.layout.count, unit: Int(LS_HASH_BLOCK))
        var sums: (UInt64, UInt64) = (0, 0)
        if !share.isEmpty {
            withUnsafeMutableBytes(of: &sums) { bytes in
                kernels.pointee.hash_blocks(
                    share.count, parameters + share.lowerBound, UInt64(share.lowerBound / Int(LS_HASH_BLOCK)),
                    bytes.assumingMemoryBound(to: UInt64.self).baseAddress)
            }
        }
        threadStates[thread].hash = sums
    }

    /// A thread's part of a vector, cut at multiples of `unit`.
    func share(_ thread: Int, of count: Int, unit: Int) -> Range<Int> {
        let units = LanePositions.range(lane: thread, of: schedule.threads.count, batch: (count + unit - 1) / unit)
        return min(units.lowerBound * unit, count)..<min(units.upperBound * unit, count)
    }

    func run(_ thread: Int, _ index: Int, _ batch: Batch) -> GroupRun {
        let state = threadStates[thread]
        let tables = lanes
        let group = tables.groups[index]
        let first = Int(batch.laneStarts[group.lanes.lowerBound])
        let packingsAtUse = batch.gradients != nil ? trainingPackingsAtUse : inferencePackingsAtUse
        return GroupRun(
            kernels: kernels, parameters: batch.parameters, packed: packed.floats,
            samples: batch.inputs + first * sampleElements, targets: batch.targets + 4 * first * targetElements,
            targetElements: targetElements, classWeights: classWeights.isEmpty ? nil : classWeights.baseAddress,
            outputs: batch.outputs.map { $0 + first * outputElements }, dropout: batch.dropout,
            firstPosition: batch.firstPosition + UInt32(first), arena: state.arena,
            rows: Int(tables.rows[index + group.lanes.upperBound]), capacity: state.capacity,
            laneArena: state.laneArena,
            laneCapacity: laneCapacity, shared: state.shared, sharedFloatsPerLane: plan.training.sharedFloatsPerLane,
            scratch: state.scratch, contribution: state.contribution,
            laneStarts: tables.rows + index + group.lanes.lowerBound,
            laneCount: group.lanes.count, firstLane: group.lanes.lowerBound, results: batch.results,
            metrics: metrics, metricSums: batch.metricSums, metricSumCount: metricSumCount,
            subtrees: tables.subtrees.baseAddress.unsafelyUnwrapped + group.subtrees.lowerBound,
            subtreeCount: group.subtrees.count, gradients: tables.destinations + group.subtrees.lowerBound,
            laneAdditions: tables.laneAdditions.baseAddress.unsafelyUnwrapped + group.subtrees.lowerBound,
            packings: packings.baseAddress,
            packingsAtUse: packingsAtUse.isEmpty ? nil : packingsAtUse.baseAddress,
            numbers: trainingNumbers, clock: thread == 0 && batch.gradients != nil ? clock?.nanoseconds : nil)
    }

    func zeroPaddings(_ group: Int) {
        for subtree in lanes.groups[group].subtrees {
            for padding in paddings {
                (lanes.destinations[subtree] + padding.lowerBound).update(repeating: 0, count: padding.count)
            }
        }
    }
}
