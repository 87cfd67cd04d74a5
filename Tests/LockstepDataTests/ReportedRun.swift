import LockstepData
import LockstepTestSupport

/// A run as its reports tell of it, with members that come and go.
struct ReportedRun {
    let order: SampleOrder
    let laneCount: Int
    let lastStep: Int
    var rosters: [UInt32: [SampleAudit.Member]] = [:]
    var reports: [SampleAudit.Report] = []

    /// - Parameter steps: that are done.
    init(count: Int, batchSize: Int, laneCount: Int, epochs: Int, steps: Int? = nil, seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        order = SampleOrder(count: count, batchSize: batchSize, seed: random.next(), isShuffled: seed % 4 != 0)
        self.laneCount = laneCount
        lastStep = epochs * order.stepsPerEpoch
        var generation: UInt32 = 0
        for step in 1...(steps ?? lastStep) {
            if generation == 0 || Int.random(in: 0..<6, using: &random) == 0 {
                generation += UInt32.random(in: 1...3, using: &random)
                rosters[generation] = ReportedRun.members(laneCount, &random)
            }
            report(step, generation)
        }
    }

    private static func members(_ laneCount: Int, _ random: inout SeededGenerator) -> [SampleAudit.Member] {
        let workers = Int.random(in: 1...min(4, laneCount), using: &random)
        let cuts = Array(1..<laneCount).shuffled(using: &random).prefix(workers - 1).sorted()
        return zip([0] + cuts, cuts + [laneCount]).enumerated().map { index, ends in
            SampleAudit.Member(name: "w\(index)", lanes: ends.0..<ends.1)
        }
    }

    /// What honest workers report.
    mutating func report(_ step: Int, _ generation: UInt32) {
        let epoch = order.epoch(ofStep: step)
        let before = reports.last.flatMap { $0.epoch == epoch ? $0.epochSampleSum : nil } ?? 0
        reports.append(
            SampleAudit.Report(
                step: step, epoch: epoch, generation: generation,
                sampleHashes: (rosters[generation] ?? []).map { hash(step, $0.lanes) },
                epochSampleSum: before &+ hash(step, 0..<laneCount)))
    }

    func hash(_ step: Int, _ lanes: Range<Int>) -> UInt64 {
        order.sampleHash(step: step, lanes: lanes, of: laneCount)
    }

    func audit(knownStep: Int = 0) -> SampleAuditResult {
        let rosters = rosters
        var audit = SampleAudit(order: order, laneCount: laneCount, lastStep: lastStep) { rosters[$0] }
        for report in reports { audit.take(report) }
        return audit.finish(knownStep: knownStep)
    }

    /// A worker computed lanes of one step with other samples, and all that follows in the state is as it would be then.
    mutating func replaceHash(report index: Int, member: Int, with hash: UInt64) {
        let change = hash &- reports[index].sampleHashes[member]
        reports[index].sampleHashes[member] = hash
        for later in index..<reports.count where reports[later].epoch == reports[index].epoch {
            reports[later].epochSampleSum &+= change
        }
    }
}
