import LockstepCore
import LockstepEngine
import Testing

@testable import LockstepModels

@Suite("Learning") struct LearningTests {
    @Test(
        "a small network learns which of three numbers is the largest",
        arguments: [
            Optimizer.sgd(learningRate: 0.5), .adam(learningRate: .cosine(from: 0.02, warmUpSteps: 5)),
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
        for step in 1...steps {
            let inputs = (0..<96).map { generator.uniform(site: UInt32(step), index: 0, element: UInt32($0)) }
            let labels = (0..<32).map { row in
                Int32((0..<3).max { inputs[3 * row + $0] < inputs[3 * row + $1] } ?? 0)
            }
            _ = executor.train(
                parameters: state.parameters, inputs: inputs, labels: labels, laneStarts: [0, 8, 16, 24, 32],
                gradients: [gradient], results: &results)
            losses.append(results.reduce(0) { $0 + $1.loss } / 32)
            executor.update(
                state, optimizer: optimizer.step(step, of: steps, totalWeight: 32, kernels: kernels),
                totalGradient: gradient)
        }
        #expect(losses[0] > 0.9)
        #expect(losses.suffix(10).reduce(0, +) / 10 < 0.35)
        #expect(results.reduce(0) { $0 + $1.correct } / 32 > 0.8)
    }
}
