import LockstepCore
import LockstepData
import LockstepTestSupport
import Testing

@Suite struct SampleOrderTests {
    /// Whether every sample stands exactly once in the samples of an epoch.
    private func coversOnce(_ samples: [Int], count: Int) -> Bool { samples.sorted() == Array(0..<count) }

    @Test(arguments: [41, 42, 43] as [UInt64])
    func everyEpochUsesEverySampleOnce(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<25 {
            let count = Int.random(in: 1...120, using: &random)
            let batchSize = Int.random(in: 1...140, using: &random)
            let lanes = Int.random(in: 1...9, using: &random)
            let order = SampleOrder(
                count: count, batchSize: batchSize, seed: random.next(), isShuffled: Bool.random(using: &random))
            let epoch = Int.random(in: 1...3, using: &random)
            var samples: [Int] = []
            for step in (epoch - 1) * order.stepsPerEpoch + 1...epoch * order.stepsPerEpoch {
                #expect(order.epoch(ofStep: step) == epoch)
                let batch = order.batchCount(ofStep: step)
                #expect(batch > 0 && batch <= batchSize)
                for lane in 0..<lanes {
                    samples += order.samples(
                        step: step, positions: LanePositions.range(lane: lane, of: lanes, batch: batch))
                }
                #expect(order.progress(afterStep: step) == (epoch, samples.count))
            }
            #expect(coversOnce(samples, count: count))
            if !order.isShuffled { #expect(samples == Array(0..<count)) }
            // The check itself finds a sample that is dropped or used twice.
            #expect(!coversOnce(samples.dropLast(), count: count))
            #expect(!coversOnce(samples.dropLast() + [samples[0]], count: count) || count == 1)
        }
    }

    @Test func theLastBatchIsRagged() {
        let order = SampleOrder.training(count: 10, batchSize: 4, seed: 1)
        #expect(order.stepsPerEpoch == 3)
        #expect((1...6).map(order.batchCount) == [4, 4, 2, 4, 4, 2])
        #expect((1...6).map(order.epoch) == [1, 1, 1, 2, 2, 2])
        #expect(order.progress(afterStep: 0) == (1, 0))
        #expect(order.progress(afterStep: 3) == (1, 10))
        #expect(order.progress(afterStep: 4) == (2, 4))
    }

    @Test func epochsAndSeedsHaveOrdersOfTheirOwn() {
        func samples(_ seed: UInt64, step: Int) -> [Int] {
            SampleOrder.training(count: 50, batchSize: 50, seed: seed).samples(step: step, positions: 0..<50)
        }
        #expect(samples(1, step: 1) != samples(1, step: 2))
        #expect(samples(1, step: 1) != samples(2, step: 1))
        #expect(samples(1, step: 1) == samples(1, step: 1))
        let order = SampleOrder.training(count: 50, batchSize: 16, seed: 1)
        #expect((0..<16).map { order.sample(step: 2, position: $0) } == order.samples(step: 2, positions: 0..<16))
        #expect(Array(samples(1, step: 1)[16..<32]) == order.samples(step: 2, positions: 0..<16))
    }

    @Test func evaluationGoesInFileOrder() {
        let order = SampleOrder.evaluation(count: 5, batchSize: 3)
        #expect(order.samples(step: 1, positions: 0..<3) == [0, 1, 2])
        #expect(order.samples(step: 2, positions: 0..<2) == [3, 4])
    }

    @Test func hashesOfLanesAddUp() {
        let order = SampleOrder.training(count: 100, batchSize: 30, seed: 9)
        for step in 1...8 {
            let whole = order.sampleHash(step: step, lanes: 0..<8, of: 8)
            for cut in 0...8 {
                let left = order.sampleHash(step: step, lanes: 0..<cut, of: 8)
                let right = order.sampleHash(step: step, lanes: cut..<8, of: 8)
                #expect(left &+ right == whole)
            }
        }
    }

    @Test func theSumOfAnEpochGrowsStepByStep() {
        let order = SampleOrder.training(count: 50, batchSize: 12, seed: 9)
        #expect(order.epochSampleSum(afterStep: 0, laneCount: 4) == 0)
        for step in 1...15 {
            let own = order.sampleHash(step: step, lanes: 0..<4, of: 4)
            let before = step % 5 == 1 ? 0 : order.epochSampleSum(afterStep: step - 1, laneCount: 4)
            #expect(order.epochSampleSum(afterStep: step, laneCount: 4) == before &+ own)
        }
    }

    @Test func hashesSeeWhatChanges() {
        let order = SampleOrder.training(count: 100, batchSize: 30, seed: 9)
        let other = SampleOrder.training(count: 100, batchSize: 30, seed: 10)
        let inOrder = SampleOrder.evaluation(count: 100, batchSize: 30)
        let hashes = [
            order.sampleHash(step: 1, lanes: 0..<8, of: 8), order.sampleHash(step: 2, lanes: 0..<8, of: 8),
            order.sampleHash(step: 5, lanes: 0..<8, of: 8), order.sampleHash(step: 1, lanes: 0..<4, of: 4),
            order.sampleHash(step: 1, lanes: 0..<7, of: 8), other.sampleHash(step: 1, lanes: 0..<8, of: 8),
            inOrder.sampleHash(step: 1, lanes: 0..<8, of: 8),
        ]
        #expect(Set(hashes).count == hashes.count)
    }

    /// Every worker of every release must agree on these.
    @Test func ordersAreGolden() {
        let order = SampleOrder.training(count: 1000, batchSize: 128, seed: 42)
        #expect(order.samples(step: 9, positions: 0..<6) == [755, 48, 834, 947, 556, 665])
        #expect(order.sampleHash(step: 8, lanes: 0..<8, of: 8) == 3_911_466_070_488_403_117)
    }
}
