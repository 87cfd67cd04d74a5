import CLockstepKernels
import LockstepCore

@testable import LockstepEngine

/// Samples drawn from a seed, and what executors make of them.
struct TestBatch {
    var inputs: [Float]
    /// As words: classes, or the bits of values.
    var targets: [UInt32]
    let sampleElements: Int
    let targetElements: Int
    let isOfClasses: Bool
    let laneCount: Int

    var count: Int { targets.count / targetElements }

    init(_ plan: Plan, count: Int, laneCount: Int, seed: UInt64) {
        let generator = Philox(key: [UInt32(truncatingIfNeeded: seed), 7])
        sampleElements = plan.sampleElements
        self.laneCount = laneCount
        inputs = (0..<count * plan.sampleElements).map {
            let value = generator.uniform(site: 1, index: 0, element: UInt32($0))
            return plan.tokenLimit.map { Float(Int(value * Float($0))) } ?? value * 2 - 1
        }
        targetElements = plan.targetElements
        let isOfClasses = plan.classes > 0
        self.isOfClasses = isOfClasses
        targets = (0..<count * plan.targetElements).map {
            let value = generator.uniform(site: 2, index: 0, element: UInt32($0))
            return isOfClasses ? UInt32(value * Float(plan.classes)) : value.bitPattern
        }
    }

    /// The samples of each lane.
    var lanes: [Range<Int>] { (0..<laneCount).map { LanePositions.range(lane: $0, of: laneCount, batch: count) } }

    /// One sample, as numbers.
    func input(_ sample: Int) -> [Double] {
        inputs[sample * sampleElements..<(sample + 1) * sampleElements].map(Double.init)
    }

    /// The target of one sample, as numbers.
    func target(_ sample: Int) -> [Double] {
        targets[sample * targetElements..<(sample + 1) * targetElements].map {
            isOfClasses ? Double($0) : Double(Float(bitPattern: $0))
        }
    }

    struct Outcome: Equatable {
        /// By root of all workers together.
        var gradients: [[UInt32]] = []
        var roots: [LaneTree.Node] = []
        var results: [LaneResult] = []
        /// Lane by lane.
        var metricSums: [Double] = []

        /// The sum over all lanes, by the tree.
        func total(_ kernels: Kernels, tree: LaneTree) -> [Float] {
            var sums = gradients.map { $0.map(Float.init(bitPattern:)) }
            for addition in tree.additions(of: roots, to: tree.root) ?? [] {
                let from = sums[addition.from]
                sums[addition.into].withUnsafeMutableBufferPointer {
                    kernels.table.pointee.add($0.count, $0.baseAddress, from)
                }
            }
            return sums[0]
        }
    }

    /// Runs one step by workers that own the given lanes.
    func train(
        _ plan: Plan, _ kernels: Kernels, parameters: UnsafePointer<Float>, ownership: [Range<Int>], threads: Int,
        lanesPerGroup: Int? = nil
    ) throws -> Outcome {
        let tree = LaneTree(laneCount: laneCount)
        var outcome = Outcome()
        for lanes in ownership {
            let executor = try Executor(
                plan: plan, kernels: kernels, lanes: lanes, laneTree: tree, batchSize: count, threads: threads,
                lanesPerGroup: lanesPerGroup)
            defer { executor.shutdown() }
            let own = run(executor, plan, lanes, parameters, isTraining: true)
            outcome.gradients += own.gradients
            outcome.roots += executor.roots
            outcome.results += own.results
            outcome.metricSums += own.metricSums
        }
        return outcome
    }

    func evaluate(
        _ plan: Plan, _ kernels: Kernels, parameters: UnsafePointer<Float>, threads: Int
    ) throws -> Outcome {
        let executor = try Executor(
            plan: plan, kernels: kernels, lanes: 0..<laneCount, laneTree: LaneTree(laneCount: laneCount),
            batchSize: count, threads: threads)
        defer { executor.shutdown() }
        return run(executor, plan, 0..<laneCount, parameters, isTraining: false)
    }

    /// One call of `executor`, which owns `lanes`. Gradients start as rubbish, so that what is not written shows.
    ///
    /// - Parameters:
    ///   - outputs: room for those of all the worker's samples; only in evaluation.
    ///   - observer: is told of the buckets of the gradient; only in training.
    ///   - isolated: the lane that is computed by itself; only in training.
    func run(
        _ executor: Executor, _ plan: Plan, _ lanes: Range<Int>, _ parameters: UnsafePointer<Float>, isTraining: Bool,
        outputs: UnsafeMutablePointer<Float>? = nil, observer: BucketObserver? = nil,
        isolated: IsolatedLane? = nil
    ) -> Outcome {
        let first = LanePositions.range(lane: lanes.lowerBound, of: laneCount, batch: count).lowerBound
        let starts = (lanes.lowerBound...lanes.upperBound).map { UInt32($0 * count / laneCount - first) }
        var results = [LaneResult](repeating: LaneResult(loss: .nan), count: lanes.count)
        var metricSums = [Double](repeating: .nan, count: lanes.count * plan.metricSumCount)
        let gradients = executor.roots.map { _ in
            UnsafeMutableBufferPointer<Float>(
                start: UnsafeMutableRawPointer.allocate(byteCount: plan.layout.count * 4, alignment: 64)
                    .bindMemory(to: Float.self, capacity: plan.layout.count), count: plan.layout.count)
        }
        defer { gradients.forEach { $0.deallocate() } }
        for gradient in gradients { gradient.initialize(repeating: .nan) }
        let pointers = gradients.compactMap(\.baseAddress)
        observer?.begin(gradients.map { UnsafeBufferPointer($0) })
        var context = TestNet.context
        context.firstPosition = UInt32(first)
        inputs.withUnsafeBufferPointer { inputs in
            targets.withUnsafeBytes { targets in
                guard let rows = inputs.baseAddress, let words = targets.baseAddress else { return }
                if isTraining {
                    _ = executor.train(
                        parameters: parameters, inputs: rows + first * sampleElements,
                        targets: words + 4 * first * targetElements, laneStarts: starts, gradients: pointers,
                        results: &results, metricSums: &metricSums, context: context,
                        bucketCompleted: observer?.told, isolated: isolated)
                } else {
                    _ = executor.evaluate(
                        parameters: parameters, inputs: rows + first * sampleElements,
                        targets: words + 4 * first * targetElements, laneStarts: starts, results: &results,
                        metricSums: &metricSums, outputs: outputs)
                }
            }
        }
        return Outcome(
            gradients: gradients.map { $0.map(\.bitPattern) }, roots: executor.roots, results: results,
            metricSums: metricSums)
    }
}
