internal import LockstepCore

/// Which sample stands where: computed by everyone from the same few numbers, without a list.
///
/// Every epoch uses every sample once. Its last batch is smaller where the batch size does not divide the count;
/// nothing is padded, dropped or repeated. Steps and epochs count from 1, positions and samples from 0.
package struct SampleOrder: Sendable, Hashable {
    package let count: Int
    package let batchSize: Int
    package let seed: UInt64
    /// Whether each epoch has an order of its own; otherwise samples come as they stand.
    package let isShuffled: Bool

    /// - Parameters:
    ///   - count: samples, at least 1.
    ///   - batchSize: at least 1.
    package init(count: Int, batchSize: Int, seed: UInt64, isShuffled: Bool) {
        precondition(count > 0 && batchSize > 0, "an order needs samples and a batch size")
        self.count = count
        self.batchSize = batchSize
        self.seed = seed
        self.isShuffled = isShuffled
    }

    /// The order of training.
    package static func training(count: Int, batchSize: Int, seed: UInt64) -> SampleOrder {
        SampleOrder(count: count, batchSize: batchSize, seed: seed, isShuffled: true)
    }

    /// The order of evaluation: one epoch as the samples stand.
    package static func evaluation(count: Int, batchSize: Int) -> SampleOrder {
        SampleOrder(count: count, batchSize: batchSize, seed: 0, isShuffled: false)
    }

    package var stepsPerEpoch: Int { (count - 1) / batchSize + 1 }

    package func epoch(ofStep step: Int) -> Int { (step - 1) / stepsPerEpoch + 1 }

    /// How many samples the batch of `step` has.
    package func batchCount(ofStep step: Int) -> Int { positionsInEpoch(ofStep: step).count }

    /// Which positions of its epoch the batch of `step` holds.
    package func positionsInEpoch(ofStep step: Int) -> Range<Int> {
        let start = (step - 1) % stepsPerEpoch * batchSize
        return start..<start + min(batchSize, count - start)
    }

    /// Where training stands after `step`; the epoch of S(0) is the first.
    package func progress(afterStep step: Int) -> (epoch: Int, samplesDone: Int) {
        step == 0 ? (1, 0) : (epoch(ofStep: step), positionsInEpoch(ofStep: step).upperBound)
    }

    /// The sample at one position of a batch.
    package func sample(step: Int, position: Int) -> Int {
        samples(step: step, positions: position..<position + 1)[0]
    }

    /// The samples at some positions of a batch, in order.
    package func samples(step: Int, positions: Range<Int>) -> [Int] {
        let batch = positionsInEpoch(ofStep: step)
        precondition(positions.lowerBound >= 0 && positions.upperBound <= batch.count, "positions lie in the batch")
        let start = batch.lowerBound
        guard isShuffled else { return positions.map { start + $0 } }
        return Permutation(count: count, seed: seed, epoch: epoch(ofStep: step))
            .elements(at: start + positions.lowerBound..<start + positions.upperBound)
    }

    /// A hash of the samples that `lanes` use in `step`. It depends on which lane uses which samples in which order;
    /// hashes of different lanes add up, modulo 2⁶⁴, to the hash of all of them.
    package func sampleHash(step: Int, lanes: Range<Int>, of laneCount: Int) -> UInt64 {
        let batch = batchCount(ofStep: step)
        return lanes.reduce(0) { sum, lane in
            let positions = LanePositions.range(lane: lane, of: laneCount, batch: batch)
            return sum &+ SampleOrder.hash(of: samples(step: step, positions: positions), lane: lane)
        }
    }

    /// The hashes of all samples of the epoch so far, added modulo 2⁶⁴, where training stands after `step`.
    package func epochSampleSum(afterStep step: Int, laneCount: Int) -> UInt64 {
        guard step > 0 else { return 0 }
        let first = (epoch(ofStep: step) - 1) * stepsPerEpoch + 1
        return (first...step).reduce(0) { $0 &+ sampleHash(step: $1, lanes: 0..<laneCount, of: laneCount) }
    }

    /// A lane's part of `sampleHash`, from the samples that it uses, in order.
    package static func hash(of samples: some Sequence<Int>, lane: Int) -> UInt64 {
        samples.reduce(mixed(UInt64(lane))) { hash, sample in mixed(hash ^ UInt64(sample)) }
    }

    /// The finalizer of SplitMix64, after a step of its sequence so that 0 does not stay 0.
    private static func mixed(_ value: UInt64) -> UInt64 {
        var mixed = value &+ 0x9E37_79B9_7F4A_7C15
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}
