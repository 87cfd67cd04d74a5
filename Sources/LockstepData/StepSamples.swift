internal import LockstepCore

/// The samples of one step, lane by lane, computed anew.
struct StepSamples: Sendable {
    private let order: SampleOrder
    private let laneCount: Int
    private var permutation: (epoch: Int, Permutation)?
    /// In the order of the batch.
    private(set) var samples: [Int] = []
    /// Where each lane begins, and the last one ends.
    private var laneStarts: [Int]
    /// For each lane the hash of its samples.
    private(set) var laneHashes: [UInt64]

    init(order: SampleOrder, laneCount: Int) {
        self.order = order
        self.laneCount = laneCount
        laneStarts = Array(repeating: 0, count: laneCount + 1)
        laneHashes = Array(repeating: 0, count: laneCount)
    }

    mutating func fill(step: Int) {
        let epoch = order.epoch(ofStep: step)
        let positions = order.positionsInEpoch(ofStep: step)
        samples.removeAll(keepingCapacity: true)
        if order.isShuffled {
            let known = permutation.flatMap { $0.epoch == epoch ? $0.1 : nil }
            let shuffle = known ?? Permutation(count: order.count, seed: order.seed, epoch: epoch)
            permutation = (epoch, shuffle)
            samples.append(contentsOf: shuffle.elements(at: positions))
        } else {
            samples.append(contentsOf: positions)
        }
        for lane in 0..<laneCount {
            let range = LanePositions.range(lane: lane, of: laneCount, batch: positions.count)
            laneStarts[lane] = range.lowerBound
            laneStarts[lane + 1] = range.upperBound
            laneHashes[lane] = SampleOrder.hash(of: samples[range], lane: lane)
        }
    }

    /// Of all lanes, modulo 2⁶⁴.
    var hash: UInt64 { laneHashes.reduce(0, &+) }

    func hash(of lanes: Range<Int>) -> UInt64 { laneHashes[lanes].reduce(0, &+) }

    func samples(of lanes: Range<Int>) -> ArraySlice<Int> {
        samples[laneStarts[lanes.lowerBound]..<laneStarts[lanes.upperBound]]
    }
}
