internal import CLockstepKernels
internal import LockstepCore

/// What the threads of an executor share.
// Safe to share: `work` and the rows change only while all threads sleep; each thread writes only what is its own
// between two meetings at the barrier.
final class ExecutorCore: ThreadWork, @unchecked Sendable {
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
    }

    struct Update {
        var parameters: UnsafeMutablePointer<Float>
        var first: UnsafeMutablePointer<Float>?
        var second: UnsafeMutablePointer<Float>?
        /// The summed gradient, which may be changed.
        var gradient: UnsafePointer<Float>
        var step: OptimizerStep
    }

    enum Work {
        case none
        case train(Batch)
        case evaluate(Batch)
        case update(Update)
        case hash(UnsafePointer<Float>)
    }

    /// One thread's memory and what it has to say.
    private struct ThreadState {
        var arena: UnsafeMutablePointer<Float>
        var shared: UnsafeMutablePointer<Float>
        var scratch: UnsafeMutablePointer<Float>
        var contribution: UnsafeMutablePointer<Float>
        var capacity: Int
        var forwardEnd: UInt64 = 0
        var hash: (UInt64, UInt64) = (0, 0)
    }

    /// Set while all threads sleep.
    var work = Work.none

    let kernels: UnsafePointer<ls_kernels>
    let plan: Plan
    private let sampleElements: Int
    let schedule: LaneSchedule
    let barrier: Barrier
    private let trainingInstructions: UnsafeBufferPointer<Instruction>
    private let inferenceInstructions: UnsafeBufferPointer<Instruction>
    let packings: UnsafeBufferPointer<Packing>
    private let subtrees: UnsafeBufferPointer<LaneSchedule.Subtree>
    private let groups: UnsafeBufferPointer<LaneSchedule.Group>
    private let additions: UnsafeBufferPointer<LaneSchedule.Addition>
    private let laneAdditions: UnsafeBufferPointer<UnsafeBufferPointer<LaneTree.Addition>>
    private let paddings: UnsafeBufferPointer<Range<Int>>
    private let classWeights: UnsafeBufferPointer<Float>
    private let metrics: UnsafeBufferPointer<MetricSum>
    private let metricSumCount: Int
    private let outputElements: Int
    private let targetElements: Int
    /// By block of the flat gradient: the sum of its squares.
    let squareSums: UnsafeMutablePointer<Double>
    let squareSumCount: Int
    /// Row numbers inside each group; group g's begin at its first lane plus g.
    private let rows: UnsafeMutablePointer<UInt32>
    /// By subtree: where its gradient goes in this step.
    private let destinations: UnsafeMutablePointer<UnsafeMutablePointer<Float>>
    private let threadStates: UnsafeMutablePointer<ThreadState>
    let packed: AlignedMemory
    private let gradientBuffers: AlignedMemory
    /// A block for each thread, where the gradient is clipped and penalized.
    let preparedGradients: AlignedMemory
    private let threadMemory: [AlignedMemory]

    init(plan: Plan, kernels: Kernels, schedule: LaneSchedule, laneCount: Int, batchSize: Int) throws {
        self.kernels = kernels.table
        self.plan = plan
        sampleElements = plan.sampleElements
        self.schedule = schedule
        packed = try AlignedMemory(count: plan.packedFloats, purpose: "the packed weights")
        preparedGradients = try AlignedMemory(
            count: schedule.threads.count * Int(LS_HASH_BLOCK), purpose: "the prepared gradients")
        gradientBuffers = try AlignedMemory(
            count: schedule.bufferCount.multipliedSaturating(by: plan.layout.count), purpose: "the lanes' gradients")
        let capacities = try schedule.threads.map { groups in
            try schedule.groups[groups].map {
                try ExecutorCore.capacity(lanes: $0.lanes.count, of: laneCount, batchSize: batchSize)
            }.max() ?? 0
        }
        let lanesPerGroup = schedule.groups.map(\.lanes.count).max() ?? 0
        threadMemory = try capacities.map { capacity in
            try AlignedMemory(
                count: plan.arenaFloats(samples: capacity, lanes: lanesPerGroup), purpose: "a thread's arena")
        }
        barrier = Barrier(count: schedule.threads.count)
        trainingInstructions = ExecutorCore.copied(plan.training.instructions)
        inferenceInstructions = ExecutorCore.copied(plan.inference.instructions)
        packings = ExecutorCore.copied(plan.packings)
        subtrees = ExecutorCore.copied(schedule.subtrees)
        groups = ExecutorCore.copied(schedule.groups)
        additions = ExecutorCore.copied(schedule.additions)
        paddings = ExecutorCore.copied(plan.layout.paddings)
        classWeights = ExecutorCore.copied(plan.loss.classWeights)
        metrics = ExecutorCore.copied(plan.metricSums)
        metricSumCount = plan.metricSumCount
        outputElements = plan.outputElements
        targetElements = plan.targetElements
        squareSumCount = (plan.layout.count + Int(LS_HASH_BLOCK) - 1) / Int(LS_HASH_BLOCK)
        squareSums = .allocate(capacity: squareSumCount)
        squareSums.initialize(repeating: 0, count: squareSumCount)
        laneAdditions = ExecutorCore.copied(
            schedule.subtrees.map { ExecutorCore.copied(ExecutorCore.laneAdditions(count: $0.lanes.count)) })
        rows = .allocate(capacity: schedule.groups.reduce(0) { $0 + $1.lanes.count + 1 })
        rows.initialize(repeating: 0, count: schedule.groups.reduce(0) { $0 + $1.lanes.count + 1 })
        destinations = .allocate(capacity: schedule.subtrees.count)
        destinations.initialize(repeating: gradientBuffers.floats, count: schedule.subtrees.count)
        threadStates = .allocate(capacity: capacities.count)
        for (index, capacity) in capacities.enumerated() {
            let arena = threadMemory[index].floats
            let shared = arena + plan.floatsPerSample * capacity
            let scratch = shared + plan.sharedFloats(lanes: lanesPerGroup)
            (threadStates + index).initialize(
                to: ThreadState(
                    arena: arena, shared: shared, scratch: scratch, contribution: scratch + plan.kernelScratchFloats,
                    capacity: capacity))
        }
    }

    deinit {
        trainingInstructions.deallocate()
        inferenceInstructions.deallocate()
        packings.deallocate()
        subtrees.deallocate()
        groups.deallocate()
        additions.deallocate()
        paddings.deallocate()
        classWeights.deallocate()
        metrics.deallocate()
        squareSums.deallocate()
        for additions in laneAdditions { additions.deallocate() }
        laneAdditions.deallocate()
        rows.deallocate()
        destinations.deallocate()
        threadStates.deallocate()
    }

    /// When the last thread had its losses.
    var forwardEnd: UInt64 { schedule.threads.indices.reduce(0) { max($0, threadStates[$1].forwardEnd) } }

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
        case .none, .update, .hash: return
        }
        for (thread, range) in schedule.threads.enumerated() {
            for group in range {
                let lanes = groups[group].lanes
                let first = batch.laneStarts[lanes.lowerBound]
                for lane in lanes.lowerBound...lanes.upperBound {
                    precondition(batch.laneStarts[lane] >= first, "lanes in order")
                    rows[group + lane] = batch.laneStarts[lane] - first
                }
                precondition(Int(rows[group + lanes.upperBound]) <= threadStates[thread].capacity, "rows fit")
            }
        }
        guard let gradients = batch.gradients else { return }
        for (index, subtree) in subtrees.enumerated() {
            destinations[index] =
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
        }
    }

    private func train(_ thread: Int, _ batch: Batch) {
        pack(thread, batch.parameters, packings.count)
        barrier.wait()
        // Where groups follow each other it is as if the forward passes of all came first.
        var forwardEnd = MonotonicClock.nanoseconds()
        for group in schedule.threads[thread] {
            zeroPaddings(group)
            let run = run(thread, group, batch)
            let start = MonotonicClock.nanoseconds()
            run.run(trainingInstructions, 0..<plan.training.forwardCount)
            forwardEnd += MonotonicClock.nanoseconds() - start
            run.run(trainingInstructions, plan.training.forwardCount..<trainingInstructions.count)
        }
        threadStates[thread].forwardEnd = forwardEnd
        guard !additions.isEmpty else { return }
        barrier.wait()
        let share = share(thread, of: plan.layout.count, unit: FlatLayout.alignment)
        for addition in additions {
            kernels.pointee.add(
                share.count, destinations[addition.into] + share.lowerBound,
                destinations[addition.from] + share.lowerBound)
        }
    }

    private func evaluate(_ thread: Int, _ batch: Batch) {
        pack(thread, batch.parameters, plan.inferencePackings)
        barrier.wait()
        for group in schedule.threads[thread] {
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

    private func run(_ thread: Int, _ index: Int, _ batch: Batch) -> GroupRun {
        let state = threadStates[thread]
        let group = groups[index]
        let first = Int(batch.laneStarts[group.lanes.lowerBound])
        return GroupRun(
            kernels: kernels, parameters: batch.parameters, packed: packed.floats,
            samples: batch.inputs + first * sampleElements, targets: batch.targets + 4 * first * targetElements,
            targetElements: targetElements, classWeights: classWeights.isEmpty ? nil : classWeights.baseAddress,
            outputs: batch.outputs.map { $0 + first * outputElements }, dropout: batch.dropout,
            firstPosition: batch.firstPosition + UInt32(first), arena: state.arena, shared: state.shared,
            sharedFloatsPerLane: plan.training.sharedFloatsPerLane, scratch: state.scratch,
            contribution: state.contribution, rows: Int(rows[index + group.lanes.upperBound]),
            capacity: state.capacity, laneStarts: rows + index + group.lanes.lowerBound,
            laneCount: group.lanes.count, firstLane: group.lanes.lowerBound, results: batch.results,
            metrics: metrics, metricSums: batch.metricSums, metricSumCount: metricSumCount,
            subtrees: subtrees.baseAddress.unsafelyUnwrapped + group.subtrees.lowerBound,
            subtreeCount: group.subtrees.count, gradients: destinations + group.subtrees.lowerBound,
            laneAdditions: laneAdditions.baseAddress.unsafelyUnwrapped + group.subtrees.lowerBound)
    }

    private func zeroPaddings(_ group: Int) {
        for subtree in groups[group].subtrees {
            for padding in paddings {
                (destinations[subtree] + padding.lowerBound).update(repeating: 0, count: padding.count)
            }
        }
    }

    // MARK: At the start

    /// The most samples that `lanes` adjacent lanes can hold of any batch up to `batchSize`.
    private static func capacity(lanes: Int, of laneCount: Int, batchSize: Int) throws -> Int {
        guard (1...1 << 31).contains(batchSize) else {
            throw CommandError.usage("batchSize is \(batchSize); it must be 1 to \(1 << 31)")
        }
        return (lanes * batchSize + laneCount - 1) / laneCount
    }

    private static func laneAdditions(count: Int) -> [LaneTree.Addition] {
        let tree = LaneTree(laneCount: count)
        return tree.additions(of: (0..<count).map { LaneTree.Node($0..<$0 + 1) }, to: tree.root) ?? []
    }

    private static func copied<Element>(_ elements: [Element]) -> UnsafeBufferPointer<Element> {
        let buffer = UnsafeMutableBufferPointer<Element>.allocate(capacity: elements.count)
        _ = buffer.initialize(from: elements)
        return UnsafeBufferPointer(buffer)
    }
}
