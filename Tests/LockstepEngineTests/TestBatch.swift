import CLockstepKernels
import LockstepCore

@testable import LockstepEngine

/// Samples drawn from a seed, and what executors make of them.
struct TestBatch {
    var inputs: [Float]
    var labels: [Int32]
    let sampleElements: Int
    let laneCount: Int

    var count: Int { labels.count }

    init(_ plan: Plan, count: Int, laneCount: Int, seed: UInt64) {
        let generator = Philox(key: [UInt32(truncatingIfNeeded: seed), 7])
        sampleElements = plan.sampleElements
        self.laneCount = laneCount
        inputs = (0..<count * plan.sampleElements).map {
            generator.uniform(site: 1, index: 0, element: UInt32($0)) * 2 - 1
        }
        labels = (0..<count).map {
            Int32(generator.uniform(site: 2, index: 0, element: UInt32($0)) * Float(plan.classes))
        }
    }

    struct Outcome: Equatable {
        /// By root of all workers together.
        var gradients: [[UInt32]] = []
        var roots: [LaneTree.Node] = []
        var results: [LaneResult] = []

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
            let (gradients, results) = run(executor, plan, lanes, parameters, isTraining: true)
            outcome.gradients += gradients
            outcome.roots += executor.roots
            outcome.results += results
        }
        return outcome
    }

    func evaluate(
        _ plan: Plan, _ kernels: Kernels, parameters: UnsafePointer<Float>, threads: Int
    ) throws -> [LaneResult] {
        let executor = try Executor(
            plan: plan, kernels: kernels, lanes: 0..<laneCount, laneTree: LaneTree(laneCount: laneCount),
            batchSize: count, threads: threads)
        defer { executor.shutdown() }
        return run(executor, plan, 0..<laneCount, parameters, isTraining: false).results
    }

    /// One call of `executor`, which owns `lanes`. Gradients start as rubbish, so that what is not written shows.
    func run(
        _ executor: Executor, _ plan: Plan, _ lanes: Range<Int>, _ parameters: UnsafePointer<Float>, isTraining: Bool
    ) -> (gradients: [[UInt32]], results: [LaneResult]) {
        let first = LanePositions.range(lane: lanes.lowerBound, of: laneCount, batch: count).lowerBound
        let starts = (lanes.lowerBound...lanes.upperBound).map { UInt32($0 * count / laneCount - first) }
        var results = [LaneResult](repeating: LaneResult(loss: .nan), count: lanes.count)
        let gradients = executor.roots.map { _ in
            UnsafeMutableBufferPointer<Float>(
                start: UnsafeMutableRawPointer.allocate(byteCount: plan.layout.count * 4, alignment: 64)
                    .bindMemory(to: Float.self, capacity: plan.layout.count), count: plan.layout.count)
        }
        defer { gradients.forEach { $0.deallocate() } }
        for gradient in gradients { gradient.initialize(repeating: .nan) }
        let pointers = gradients.compactMap(\.baseAddress)
        inputs.withUnsafeBufferPointer { inputs in
            labels.withUnsafeBufferPointer { labels in
                guard let rows = inputs.baseAddress, let classes = labels.baseAddress else { return }
                if isTraining {
                    _ = executor.train(
                        parameters: parameters, inputs: rows + first * sampleElements, labels: classes + first,
                        laneStarts: starts, gradients: pointers, results: &results)
                } else {
                    _ = executor.evaluate(
                        parameters: parameters, inputs: rows + first * sampleElements, labels: classes + first,
                        laneStarts: starts, results: &results)
                }
            }
        }
        return (gradients.map { $0.map(\.bitPattern) }, results)
    }
}
