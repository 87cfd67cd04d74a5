internal import LockstepCluster
internal import LockstepCollectives
internal import LockstepCore
internal import LockstepData
internal import LockstepEngine
internal import LockstepJobs

/// What one of several workers of a job holds and sends.
struct WorkerShare {
    let lanes: Range<Int>
    /// Subtree sums that it sends by themselves.
    let rootCount: Int
    /// Samples of a full batch.
    let samples: Int
    /// Gradients and control records, without headers.
    let bytesPerStep: Int
    /// Parameters and the vectors beside them.
    let stateBytes: Int
    /// Its roots, what others send, the total.
    let gradientBytes: Int
    /// Values between layers, packed weights, batches that are read ahead. An estimate: threads share lanes as they can.
    let activationBytes: Int

    /// The shares of all workers.
    ///
    /// - Parameter settings: how gradients travel.
    /// - Throws: `CommandError.usage` where there are more workers than lanes.
    static func all(
        of job: ResolvedJob, workers: Int, threads: Int, settings: ExchangeSettings
    ) throws -> [WorkerShare] {
        let laneCount = job.laneTree.laneCount
        guard let ranges = LaneAssignment.ranges(laneCount: laneCount, workers: workers) else {
            throw CommandError.usage(
                "--workers \(workers): the job has \(laneCount) lanes; give from 1 to \(laneCount) workers")
        }
        return try ranges.indices.map { index in
            let rails = try ExchangePlan.rails(
                tree: job.laneTree, lanes: ranges, ownIndex: index, elementCount: job.plan.layout.count,
                sumCount: job.sumCount, settings: settings)
            return WorkerShare(job, rails, threads: threads)
        }
    }

    /// Groups of lanes whose values take more than this are cut, as the executor does.
    private static let groupBytes = 16 << 20

    /// - Parameter rails: of the exchange, at least one.
    private init(_ job: ResolvedJob, _ rails: [ExchangePlan], threads: Int) {
        let plan = job.plan
        let exchange = rails[0]
        let laneCount = job.laneTree.laneCount
        lanes = exchange.lanes[exchange.ownIndex]
        rootCount = exchange.ownRoots.count
        let batch = min(job.batchSize, job.order.count)
        let first = LanePositions.range(lane: lanes.lowerBound, of: laneCount, batch: batch).lowerBound
        samples = LanePositions.range(lane: lanes.upperBound - 1, of: laneCount, batch: batch).upperBound - first
        bytesPerStep =
            rails.reduce(0) { $0 + $1.gradientBytesPerStep }
            + exchange.recordBytes(of: exchange.ownIndex) * (exchange.memberCount - 1)
        stateBytes = 4 * plan.layout.count * (1 + job.vectorNames.count)
        // The one root of a lone worker is the total.
        let vectors = exchange.memberCount == 1 ? 1 : exchange.ownRoots.count + 1
        // The audited lane's gradient, and those of its neighbours that wait for it.
        let audited = job.auditEverySteps == 0 ? 0 : 1 + Int.bitWidth - (lanes.count - 1).leadingZeroBitCount
        gradientBytes = 4 * (plan.layout.count * (vectors + audited) + rails.reduce(0) { $0 + $1.stagingCount })

        let samplesPerLane = (batch + laneCount - 1) / laneCount
        let laneBytes = plan.arenaBytes(samples: samplesPerLane, lanes: 1)
        let busy = min(threads, lanes.count)
        let wanted = (lanes.count + busy - 1) / busy
        let grouped = max(1, min(wanted, WorkerShare.groupBytes / max(1, laneBytes)))
        let arenas = plan.arenaBytes(samples: samplesPerLane.multipliedSaturated(by: grouped), lanes: grouped)
            .multipliedSaturated(by: busy)
        let batches = 2 * 4 * samples.multipliedSaturated(by: plan.sampleElements + plan.targetElements)
        let packed = plan.packedFloats(samples: samples, groups: busy * ((wanted + grouped - 1) / grouped))
        let auditing =
            job.auditEverySteps == 0
            ? 0 : laneBytes.addingSaturated(4 * plan.packedFloats(samples: samplesPerLane, groups: 1))
        activationBytes = auditing.addingSaturated(arenas).addingSaturated(4 * packed).addingSaturated(batches)
    }
}

extension Int {
    /// The sum of two counts, or `Int.max` where it overflows.
    fileprivate func addingSaturated(_ other: Int) -> Int {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }

    /// The product of two counts, or `Int.max` where it overflows.
    fileprivate func multipliedSaturated(by other: Int) -> Int {
        let (product, overflow) = multipliedReportingOverflow(by: other)
        return overflow ? .max : product
    }
}
