internal import CLockstepKernels
internal import LockstepCollectives
internal import LockstepCore
internal import LockstepData
internal import LockstepEngine
internal import LockstepJobs
internal import Synchronization

/// Reads the samples of coming turns on a thread of its own, a few batches ahead of compute.
final class BatchLoader: Sendable {
    private enum Request: Sendable {
        case load([Turn])
        case stop
    }

    /// Batches that are filled or being filled at a time: at least two, more where they are small.
    let depth: Int

    private let job: ResolvedJob
    private let lanes: Range<Int>
    private let requests = Mailbox<Request>()
    private let free = Mailbox<Batch>()
    private let filled = Mailbox<Batch>()
    /// Turns that the thread is not told of yet: to wake it takes longer than to fill a small batch.
    private let pending = Mutex<[Turn]>([])

    /// Room for batches ahead of compute where two take less.
    private static let aheadBytes = 1 << 20
    private static let mostAhead = 16

    /// - Throws: `CommandError` where there is no thread to read on.
    init(job: ResolvedJob, lanes: Range<Int>) throws(CommandError) {
        self.job = job
        self.lanes = lanes
        let rows = BatchLoader.mostRows(of: lanes, job)
        let bytes = 4 * rows * (job.plan.sampleElements + job.plan.targetElements)
        depth = max(2, min(BatchLoader.mostAhead, BatchLoader.aheadBytes / max(1, bytes)))
        for _ in 0..<depth {
            free.post(BatchLoader.emptyBatch(rows: rows, lanes: lanes.count, job))
        }
        try DetachedThread.start("loader", policy: .throughput) { [self] in
            ls_prepare_thread()
            while case .load(let turns) = requests.take() {
                for turn in turns {
                    let batch = free.take()
                    BatchLoader.fill(batch, for: turn, lanes, job)
                    filled.post(batch)
                }
            }
        }
    }

    /// Asks for the samples of a turn; at most `depth` turns ahead of `give(back:)`.
    func prefetch(_ turn: Turn) {
        let isMuch = pending.withLock { turns in
            turns.append(turn)
            return turns.count >= depth / 2
        }
        if isMuch { askForPending() }
    }

    /// The oldest batch that was asked for; waits for it.
    func take() -> Batch {
        if let batch = filled.takeIfFilled() { return batch }
        askForPending()
        return filled.take()
    }

    private func askForPending() {
        let turns = pending.withLock { turns in
            defer { turns = [] }
            return turns
        }
        if !turns.isEmpty { requests.post(.load(turns)) }
    }

    func give(back batch: Batch) { free.post(batch) }

    func stop() { requests.post(.stop) }

    /// The samples of these lanes in one turn, read on the calling thread.
    static func batch(of lanes: Range<Int>, in turn: Turn, _ job: ResolvedJob) -> Batch {
        let batch = emptyBatch(rows: mostRows(of: lanes, job), lanes: lanes.count, job)
        fill(batch, for: turn, lanes, job)
        return batch
    }

    private static func emptyBatch(rows: Int, lanes: Int, _ job: ResolvedJob) -> Batch {
        Batch(
            rows: rows, lanes: lanes, sampleElements: job.plan.sampleElements,
            targetElements: job.plan.targetElements)
    }

    /// In any turn of the job.
    private static func mostRows(of lanes: Range<Int>, _ job: ResolvedJob) -> Int {
        [job.order, job.validationOrder, job.testOrder].compactMap { order in
            order.map { rows(of: lanes, of: job.laneTree.laneCount, batch: min($0.batchSize, $0.count)).count }
        }.max() ?? 0
    }

    private static func rows(of lanes: Range<Int>, of laneCount: Int, batch: Int) -> Range<Int> {
        let first = LanePositions.range(lane: lanes.lowerBound, of: laneCount, batch: batch).lowerBound
        let last = LanePositions.range(lane: lanes.upperBound - 1, of: laneCount, batch: batch).upperBound
        return first..<last
    }

    private static func fill(_ batch: Batch, for turn: Turn, _ lanes: Range<Int>, _ job: ResolvedJob) {
        guard let set = job.samples(of: turn) else { return }
        let (order, reader, step) = (set.order, set.reader, set.step)
        let batchSize = order.batchCount(ofStep: step)
        let laneCount = job.laneTree.laneCount
        let rows = Self.rows(of: lanes, of: laneCount, batch: batchSize)
        let samples = order.samples(step: step, positions: rows)
        batch.sampleHash = 0
        for (index, lane) in lanes.enumerated() {
            let positions = LanePositions.range(lane: lane, of: laneCount, batch: batchSize)
            let (start, end) = (positions.lowerBound - rows.lowerBound, positions.upperBound - rows.lowerBound)
            batch.laneStarts[index] = UInt32(start)
            batch.laneStarts[index + 1] = UInt32(end)
            batch.sampleHash &+= SampleOrder.hash(of: samples[start..<end], lane: lane)
        }
        let plan = job.plan
        for (row, sample) in samples.enumerated() {
            let input = batch.inputs.pointer + row * plan.sampleElements
            let target = UnsafeMutableRawPointer(batch.targets.pointer + row * plan.targetElements)
            if turn.phase == .train {
                job.readForTraining(sample, epoch: order.epoch(ofStep: step), input: input, target: target)
            } else {
                job.readForEvaluation(sample, of: reader, input: input, target: target)
            }
        }
        batch.firstPosition = UInt32(rows.lowerBound)
    }
}

extension ResolvedJob {
    /// The samples that a turn computes with: where they come from, in which order, and which batch of it.
    func samples(of turn: Turn) -> (reader: any SampleReader, order: SampleOrder, step: Int)? {
        switch turn.phase {
        case .train: return (train, order, Int(turn.step))
        case .evaluation:
            guard let test, let testOrder else { return nil }
            return (test, testOrder, Int(turn.step))
        case .validation:
            guard let validation, let validationOrder else { return nil }
            return (validation, validationOrder, (Int(turn.step) - 1) % validationOrder.stepsPerEpoch + 1)
        case .closing, .decision, .trial: return nil
        }
    }
}
