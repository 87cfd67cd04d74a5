internal import LockstepCluster
internal import LockstepCollectives
internal import LockstepCore
internal import LockstepEngine
internal import LockstepJobs

/// How much there is of everything in what a job's members feed: both ends of a feed know it, so nothing that comes is longer.
struct FeedShape: Sendable, Equatable {
    /// Of the state: the parameters, then the others in order.
    var vectorCount: Int
    /// Floats of a vector, and of a total gradient.
    var elementCount: Int
    /// Numbers beside the vectors.
    var numberCount: Int
    /// Sums over a batch or a validation.
    var sumCount: Int
    var laneCount: Int

    /// Bytes of a state.
    var stateBytes: Int { 4 * vectorCount * elementCount + 8 * numberCount }

    /// Bytes of JSON that an item never has more of; the core puts less than half of it into an item with reports.
    var mostItemBytes: Int { 1 << 20 + 32 * (sumCount + laneCount) }

    /// What follows an item: vectors, each of so many floats, and the kind of frames in which they come. The numbers of a state are
    /// the last of its vectors, two floats for each.
    func following(_ item: FeedItem) -> (kind: FrameKind, floats: [Int]) {
        switch item.content {
        case .state: (.share, Array(repeating: elementCount, count: vectorCount) + [2 * numberCount])
        case .step: (.total, [elementCount])
        case .reports, .judgement, .still, .begins, .gap: (.feed, [])
        }
    }

    /// Whether an item can be one of this job.
    func fits(_ item: FeedItem) -> Bool {
        guard item.generation > 0 else { return false }
        switch item.content {
        case .reports, .state, .begins, .gap: return true
        case .still(let promised, _): return promised > item.generation
        case .step(let step):
            return step.step > 0 && step.totals.count == sumCount
                && (1...laneCount).contains(step.sampleHashes.count) && step.seconds.isFinite && step.seconds >= 0
        case .judgement(let judgement): return judgement.step > 0 && judgement.sums.count == sumCount
        }
    }
}

extension FeedShape {
    init(of job: ResolvedJob) {
        self.init(
            vectorCount: 1 + job.vectorNames.count, elementCount: job.plan.layout.count,
            numberCount: StateNumbers.count(of: job), sumCount: job.sumCount, laneCount: job.laneTree.laneCount)
    }
}
