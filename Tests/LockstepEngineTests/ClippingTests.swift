import LockstepCore
import Testing

@testable import LockstepEngine

@Suite("Clipping and penalties") struct ClippingTests {
    /// Six blocks of 4096 and a rest.
    static let net = TestNet(input: [250], layers: [.linear(100), .relu, .linear(3)])

    @Test("clipping by the norm gives the same bits for any number of threads")
    func sameForAnyThreads() throws {
        let plan = try ClippingTests.net.plan()
        #expect(plan.layout.count > 6 * 4096)
        let hashes = try (1...4).map { try hash(plan, threads: $0, maximumNorm: 0.5) }
        #expect(hashes == [StateHash](repeating: hashes[0], count: 4))
        // The canaries: another bound, and one that is not reached.
        #expect(try hash(plan, threads: 1, maximumNorm: 0.25) != hashes[0])
        #expect(try hash(plan, threads: 1, maximumNorm: nil) != hashes[0])
        #expect(try hash(plan, threads: 2, maximumNorm: 1e9) == hash(plan, threads: 1, maximumNorm: nil))
    }

    @Test("the factor is that of the mean gradient's norm")
    func factor() {
        // A sum whose squares add to 900, of samples of weight 10: the mean's norm is 3.
        let step = OptimizerStep.sgd(rate: 1, totalWeight: 10)
        #expect(step.clippedScale(squareSum: 900, maximumNorm: 1.5) == Float(0.1 * (1.5 / (3 + 1e-6))))
        #expect(step.clippedScale(squareSum: 900, maximumNorm: 4) == 0.1)
        #expect(step.clippedScale(squareSum: 0, maximumNorm: 1e-3) == 0.1)
    }

    @Test("values are clamped, then penalties added, from the mean")
    func values() throws {
        let plan = try TestNet(input: [2], layers: [.linear(2, bias: false)]).plan()
        let state = try FlatState(layout: plan.layout, optimizer: .sgd)
        for (index, value) in [1, -2, 0, 4].enumerated() { state.parameters[index] = Float(value) }
        var gradient = [Float](repeating: 0, count: plan.layout.count)
        for (index, value) in [8, -2, 6, 1].enumerated() { gradient[index] = Float(value) }
        let executor = try Executor(
            plan: plan, kernels: .best(), lanes: 0..<1, laneTree: LaneTree(laneCount: 1), batchSize: 1, threads: 1)
        defer { executor.shutdown() }
        let step = OptimizerStep.sgd(rate: 1, totalWeight: 2).preparing(
            maximumNorm: nil, maximumValue: 2, l1: 0.25, l2: 0.5)
        executor.update(state, optimizer: step, totalGradient: &gradient, batchCount: 1)
        // Means 4, −1, 3, ½; clamped 2, −1, 2, ½; + ½·p: 2½, −2, 2, 2½; + ¼·sign: 2¾, −2¼, 2, 2¾.
        #expect((0..<4).map { state.parameters[$0] } == [-1.75, 0.25, -2, 1.25])
        #expect(plan.layout.paddings.allSatisfy { $0.allSatisfy { state.parameters[$0].bitPattern == 0 } })
    }

    @Test("what prepares nothing is the plain step")
    func plain() {
        let step = OptimizerStep.sgd(rate: 1, totalWeight: 2)
        #expect(step.preparing(maximumNorm: nil, maximumValue: 0, l1: 0, l2: 0).preparation == nil)
    }

    private func hash(_ plan: Plan, threads: Int, maximumNorm: Double?) throws -> StateHash {
        let state = try FlatState(plan: plan, seed: 3)
        let executor = try Executor(
            plan: plan, kernels: .best(), lanes: 0..<4, laneTree: LaneTree(laneCount: 4), batchSize: 4,
            threads: threads)
        defer { executor.shutdown() }
        for step in 1...3 {
            var gradient = (0..<plan.layout.count).map { Float(($0 * step) % 13) * 0.1 - 0.6 }
            for padding in plan.layout.paddings { for index in padding { gradient[index] = 0 } }
            let update = OptimizerStep.sgd(rate: 0.1, totalWeight: 4).preparing(
                maximumNorm: maximumNorm, maximumValue: 0, l1: 0, l2: 0)
            executor.update(state, optimizer: update, totalGradient: &gradient, batchCount: 4)
        }
        return state.hash(.best())
    }
}
