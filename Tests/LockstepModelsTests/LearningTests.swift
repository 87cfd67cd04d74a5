import LockstepCore
import LockstepEngine
import Testing

@testable import LockstepModels

@Suite("Learning") struct LearningTests {
    @Test(
        "a small network learns which of three numbers is the largest",
        arguments: [
            Optimizer.sgd(learningRate: 0.5), .adam(learningRate: .cosine(from: 0.02, warmUpSteps: 5)),
            .sgd(learningRate: 0.1, momentum: 0.9, nesterov: true), .adamW(learningRate: 0.02),
            .rmsprop(learningRate: 0.01), .adagrad(learningRate: 0.1),
        ])
    func learns(optimizer: Optimizer) throws {
        let model = Sequential(Linear(16), ReLU(), Linear(3))
        let plan = try Plan.compile(
            model: model, inputShape: [3], loss: .softmaxCrossEntropy, optimizer: optimizer)
        let kernels = Kernels.best()
        let state = try FlatState(plan: plan, seed: 1)
        let executor = try Executor(
            plan: plan, kernels: kernels, lanes: 0..<4, laneTree: LaneTree(laneCount: 4), batchSize: 32, threads: 2)
        defer { executor.shutdown() }
        let gradient = UnsafeMutableRawPointer.allocate(byteCount: 4 * plan.layout.count, alignment: 64)
            .bindMemory(to: Float.self, capacity: plan.layout.count)
        defer { gradient.deallocate() }

        let generator = Philox(key: [1, 2])
        let steps = 120
        var losses: [Double] = []
        var results = [LaneResult](repeating: LaneResult(), count: 4)
        var sums = [Double](repeating: 0, count: 4 * plan.metricSumCount)
        let metrics = try MetricSet(Metric.defaults(for: .softmaxCrossEntropy), loss: .softmaxCrossEntropy, outputs: 3)
        var accuracy = 0.0
        for step in 1...steps {
            let inputs = (0..<96).map { generator.uniform(site: UInt32(step), index: 0, element: UInt32($0)) }
            let labels = (0..<32).map { row in
                Int32((0..<3).max { inputs[3 * row + $0] < inputs[3 * row + $1] } ?? 0)
            }
            _ = executor.train(
                parameters: state.parameters, inputs: inputs, targets: labels, laneStarts: [0, 8, 16, 24, 32],
                gradients: [gradient], results: &results, metricSums: &sums,
                context: StepContext(seed: 1, step: UInt32(step), firstPosition: 0))
            losses.append(results.reduce(0) { $0 + $1.loss } / 32)
            let totals = (0..<metrics.sumCount).map { sum in
                (0..<4).reduce(0) { $0 + sums[$1 * metrics.sumCount + sum] }
            }
            accuracy = metrics.values(of: totals[...])[0].value
            executor.update(
                state, optimizer: optimizer.step(step, of: steps, totalWeight: 32, kernels: kernels),
                totalGradient: gradient, batchCount: 32)
        }
        #expect(losses[0] > 0.9)
        #expect(losses.suffix(10).reduce(0, +) / 10 < 0.35)
        #expect(accuracy > 0.8)
    }
}
