import CLockstepKernels
import LockstepCore
import Synchronization
import Testing

@testable import LockstepEngine

@Suite("A lane that is computed by itself") struct LaneIsolationTests {
    private static let nets = [
        TestNet.perceptron, TestNet.convolutional, ExecutorBitTests.shared, ExecutorBitTests.everything,
        SequenceNets.transformer, BatchNormNets.residual, RecurrentNets.recurrent,
    ]

    /// What the owner saw of its lane, and whether it was told once.
    private final class Seen: Sendable {
        private let gradients = Mutex<[[UInt32]]>([])
        let count: Int

        init(count: Int) { self.count = count }

        func lane(_ lane: Int) -> IsolatedLane {
            IsolatedLane(lane: lane) { [self] gradient in
                let bits = UnsafeBufferPointer(start: gradient, count: count).map(\.bitPattern)
                gradients.withLock { $0.append(bits) }
            }
        }

        var all: [[UInt32]] { gradients.withLock { $0 } }
    }

    private struct Rig {
        let plan: Plan
        let kernels = Kernels.best()
        let state: FlatState
        let batch: TestBatch

        init(_ net: TestNet, count: Int, laneCount: Int) throws {
            let bare = try net.plan()
            plan = bare.measuring([.samples, .correct, .classCounts(bare.classes)])
            state = try FlatState(plan: plan, seed: 3)
            batch = TestBatch(plan, count: count, laneCount: laneCount, seed: 5)
        }

        var tree: LaneTree { LaneTree(laneCount: batch.laneCount) }

        func owner(_ lanes: Range<Int>, threads: Int, lanesPerGroup: Int? = nil, cuts: [Int] = []) throws -> Executor {
            try Executor(
                plan: plan, kernels: kernels, lanes: lanes, laneTree: tree, batchSize: batch.count, threads: threads,
                lanesPerGroup: lanesPerGroup, gradientCuts: cuts, isolatesLanes: true)
        }

        /// As the auditor has it, whose executor owns lane 0 and no other.
        func auditor() throws -> Executor {
            try Executor(
                plan: plan, kernels: kernels, lanes: 0..<1, laneTree: tree, batchSize: batch.count, threads: 1)
        }

        func run(
            _ owner: Executor, _ lanes: Range<Int>, isolated: IsolatedLane?, observer: BucketObserver? = nil
        ) -> TestBatch.Outcome {
            batch.run(
                owner, plan, lanes, state.parameters, isTraining: true, observer: observer, isolated: isolated)
        }

        /// The lane's gradient and hash by an executor for single lanes.
        func alone(_ lane: Int, _ auditor: Executor) -> (gradient: [UInt32], hash: UInt64) {
            let rows = batch.lanes[lane]
            var one = batch
            one.inputs = Array(
                batch.inputs[rows.lowerBound * batch.sampleElements..<rows.upperBound * batch.sampleElements])
            one.targets = Array(
                batch.targets[rows.lowerBound * batch.targetElements..<rows.upperBound * batch.targetElements])
            var context = TestNet.context
            context.firstPosition = UInt32(rows.lowerBound)
            let gradient = UnsafeMutableBufferPointer<Float>(
                start: UnsafeMutableRawPointer.allocate(byteCount: plan.layout.count * 4, alignment: 64)
                    .bindMemory(to: Float.self, capacity: plan.layout.count), count: plan.layout.count)
            defer { gradient.deallocate() }
            gradient.initialize(repeating: .nan)
            var result = LaneResult()
            var sums = [Double](repeating: .nan, count: plan.metricSumCount)
            // A lane without samples has no memory either.
            let inputs = one.inputs + [0]
            let targets = one.targets + [0]
            inputs.withUnsafeBufferPointer { inputs in
                targets.withUnsafeBytes { targets in
                    guard let rows = inputs.baseAddress, let words = targets.baseAddress,
                        let gradient = gradient.baseAddress
                    else { return }
                    _ = auditor.train(
                        parameters: state.parameters, inputs: rows, targets: words, laneStarts: [0, UInt32(one.count)],
                        gradients: [gradient], results: &result, metricSums: &sums, context: context)
                }
            }
            return (gradient.map(\.bitPattern), hash(Array(gradient), result, sums))
        }

        func hash(_ gradient: [Float], _ result: LaneResult, _ sums: [Double]) -> UInt64 {
            gradient.withUnsafeBufferPointer { gradient in
                sums.withUnsafeBufferPointer { sums in
                    guard let start = gradient.baseAddress else { return 0 }
                    return LaneHash.hash(
                        gradient: start, count: gradient.count, result: result, metricSums: sums, kernels: kernels)
                }
            }
        }
    }

    @Test("changes no bit, and its gradient is the one of whoever computes it alone", arguments: nets.indices)
    func changesNoBit(index: Int) throws {
        for (count, laneCount) in [(5, 7), (16, 8), (11, 5)] {
            let rig = try Rig(LaneIsolationTests.nets[index], count: count, laneCount: laneCount)
            let auditor = try rig.auditor()
            defer { auditor.shutdown() }
            let alone = (0..<laneCount).map { rig.alone($0, auditor) }
            for (lanes, threads, limit) in [
                (0..<laneCount, 1, nil), (0..<laneCount, 2, nil), (0..<laneCount, 2, 2),
                (0..<laneCount, laneCount, nil),
                (1..<4, 1, nil), (3..<4, 2, nil),
            ] as [(Range<Int>, Int, Int?)] {
                let owner = try rig.owner(lanes, threads: threads, lanesPerGroup: limit)
                defer { owner.shutdown() }
                let reference = rig.run(owner, lanes, isolated: nil)
                for lane in lanes {
                    let seen = Seen(count: rig.plan.layout.count)
                    let outcome = rig.run(owner, lanes, isolated: seen.lane(lane))
                    #expect(outcome == reference, "lane \(lane) of \(lanes), \(threads) threads")
                    #expect(seen.all == [alone[lane].gradient], "lane \(lane) of \(lanes), \(threads) threads")
                    let sums = rig.plan.metricSumCount
                    let own = (lane - lanes.lowerBound) * sums
                    let hash = rig.hash(
                        (seen.all.first ?? []).map(Float.init(bitPattern:)), outcome.results[lane - lanes.lowerBound],
                        Array(outcome.metricSums[own..<own + sums]))
                    #expect(hash == alone[lane].hash, "lane \(lane)")
                }
                // And afterwards as before.
                #expect(rig.run(owner, lanes, isolated: nil) == reference)
            }
        }
    }

    @Test("buckets are told of when they are final, also where the lane is all that a thread has")
    func bucketsAreFinal() throws {
        let rig = try Rig(TestNet.convolutional, count: 16, laneCount: 8)
        for threads in [1, 2, 3, 8] {
            let owner = try rig.owner(0..<8, threads: threads, cuts: rig.plan.layout.tensorEnds)
            defer { owner.shutdown() }
            let observer = BucketObserver(ranges: owner.buckets)
            for lane in 0..<8 {
                let seen = Seen(count: rig.plan.layout.count)
                let outcome = rig.run(owner, 0..<8, isolated: seen.lane(lane), observer: observer)
                #expect(observer.early(outcome.gradients).isEmpty)
                #expect(observer.snapshots.map(\.bucket).sorted() == Array(owner.buckets.indices))
            }
        }
    }

    /// The canary: a lane that is told of after its neighbours were added, or another lane, has another hash.
    @Test("another gradient, loss, weight or metric has another hash; what is not finite has one")
    func hashesDiffer() throws {
        let rig = try Rig(TestNet.perceptron, count: 16, laneCount: 8)
        let auditor = try rig.auditor()
        defer { auditor.shutdown() }
        let hashes = (0..<8).map { rig.alone($0, auditor).hash }
        #expect(Set(hashes).count == 8)
        let owner = try rig.owner(0..<8, threads: 1)
        defer { owner.shutdown() }
        let whole = rig.run(owner, 0..<8, isolated: nil)
        #expect(whole.gradients[0] != rig.alone(0, auditor).gradient)

        let gradient = [Float](repeating: 0.5, count: 4112)
        let result = LaneResult(loss: 1, weight: 2)
        let hash = rig.hash(gradient, result, [3, 4])
        for index in [0, 1, 4095, 4096, 4111] {
            var other = gradient
            other[index] = Float(bitPattern: other[index].bitPattern ^ 1)
            #expect(rig.hash(other, result, [3, 4]) != hash)
            other[index] = .nan
            #expect(rig.hash(other, result, [3, 4]) == LaneHash.notFinite)
        }
        #expect(rig.hash(gradient, LaneResult(loss: 1.5, weight: 2), [3, 4]) != hash)
        #expect(rig.hash(gradient, LaneResult(loss: 1, weight: 3), [3, 4]) != hash)
        #expect(rig.hash(gradient, result, [3, 5]) != hash)
        #expect(rig.hash(gradient, LaneResult(loss: .nan, weight: 2, isFinite: false), [3, 4]) == LaneHash.notFinite)
        #expect(rig.hash(gradient, result, [3, .infinity]) == LaneHash.notFinite)
    }
}
