import LockstepCore
import Testing

@testable import LockstepEngine

@Suite("Flat state") struct FlatStateTests {
    @Test("initial values are PyTorch's range, differ by name and seed, and leave padding zero")
    func initialValues() throws {
        let plan = try TestNet.convolutional.plan(optimizer: .adam)
        let state = try FlatState(plan: plan, seed: 1)
        for (entry, view) in zip(plan.layout.entries, state.parameterViews) {
            #expect(entry.name == view.name && entry.shape == view.shape)
            let bound = 1 / Float(entry.fanIn).squareRoot()
            #expect(view.elements.allSatisfy { abs($0) <= bound * 1.000001 })
            #expect(Set(view.elements.map(\.bitPattern)).count > view.elements.count / 2)
        }
        #expect(plan.layout.entries.map(\.fanIn) == [6, 6, 16, 16, 20, 18, 18])
        #expect(plan.layout.paddings.allSatisfy { $0.allSatisfy { state.parameters[$0] == 0 } })
        #expect(state.optimizerViews.map(\.name).prefix(2) == ["exp_avg.8.bias", "exp_avg.8.weight"])
        #expect(state.optimizerViews.count == 2 * plan.layout.entries.count)
        #expect(state.optimizerViews.allSatisfy { $0.elements.allSatisfy { $0 == 0 } })

        #expect(try FlatState(plan: plan, seed: 1).hash(.best()) == state.hash(.best()))
        #expect(try FlatState(plan: plan, seed: 2).hash(.best()) != state.hash(.best()))
    }

    @Test("an element is what the documented formula gives")
    func formula() throws {
        let state = try FlatState(plan: TestNet.perceptron.plan(), seed: 42)
        let view = try #require(state.parameterViews.first { $0.name == "0.weight" })
        let bytes = DigestBuilder.digest(of: Array("0.weight".utf8)).bytes
        let site = UInt32(bytes[0]) | UInt32(bytes[1]) << 8 | UInt32(bytes[2]) << 16 | UInt32(bytes[3]) << 24
        let generator = Philox(seed: 42, purpose: .initialization)
        let bound = Float(1 / Double(7).squareRoot())
        for (element, value) in view.elements.enumerated() {
            let scaled = generator.uniform(site: site, index: 0, element: UInt32(element)) * (2 * bound)
            #expect(value == scaled - bound)
        }
    }

    @Test("SGD steps as PyTorch does")
    func sgd() throws {
        let plan = try TestNet(input: [1], layers: [.linear(2, bias: false)]).plan()
        let state = try FlatState(layout: plan.layout, optimizer: .sgd)
        state.parameters[0] = 1
        state.parameters[1] = -2
        var gradient = [Float](repeating: 0, count: plan.layout.count)
        (gradient[0], gradient[1]) = (4, -8)
        try update(state, plan, .sgd(rate: 0.125, totalWeight: 4), gradient)
        // The mean gradient is 1 and −2: 1 − 0.125, −2 + 0.25.
        #expect(state.parameters[0] == 0.875)
        #expect(state.parameters[1] == -1.75)
    }

    @Test("Adam steps as PyTorch does")
    func adam() throws {
        let plan = try TestNet(input: [1], layers: [.linear(2, bias: false)]).plan(optimizer: .adam)
        let state = try FlatState(layout: plan.layout, optimizer: .adam)
        state.parameters[0] = 1
        var (m, v, p) = (0.0, 0.0, 1.0)
        var (firstPower, secondPower) = (1.0, 1.0)
        for step in 1...5 {
            let mean = [0.5, -0.25, 1.0, 0.125, -2.0][step - 1]
            var gradient = [Float](repeating: 0, count: plan.layout.count)
            gradient[0] = Float(mean * 8)
            try update(
                state, plan,
                .adam(rate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, step: step, totalWeight: 8), gradient)
            // torch.optim.adam._single_tensor_adam, in double precision.
            firstPower *= 0.9
            secondPower *= 0.999
            m += (mean - m) * 0.1
            v = v * 0.999 + mean * mean * 0.001
            p -= 0.1 / (1 - firstPower) * m / (v.squareRoot() / (1 - secondPower).squareRoot() + 1e-8)
            #expect(abs(Double(state.parameters[0]) - p) < 1e-6)
            #expect(abs(Double(state.vectors[0][0]) - m) < 1e-7)
            #expect(abs(Double(state.vectors[1][0]) - v) < 1e-9)
        }
        // The first step of Adam is the rate, whatever the gradient.
        #expect(state.parameters[1] == 0)
        #expect(plan.layout.paddings.allSatisfy { $0.allSatisfy { state.parameters[$0].bitPattern == 0 } })
    }

    @Test("powers are exact where they can be")
    func power() {
        #expect(OptimizerStep.power(0.5, 10) == 0x1p-10)
        #expect(OptimizerStep.power(3, 5) == 243)
        #expect(OptimizerStep.power(0.9, 0) == 1)
        #expect(abs(OptimizerStep.power(0.999, 1000) - 0.36769542477096406) < 1e-14)
    }

    private func update(_ state: FlatState, _ plan: Plan, _ step: OptimizerStep, _ gradient: [Float]) throws {
        let executor = try Executor(
            plan: plan, kernels: .best(), lanes: 0..<1, laneTree: LaneTree(laneCount: 1), batchSize: 1, threads: 1)
        defer { executor.shutdown() }
        var total = gradient
        executor.update(state, optimizer: step, totalGradient: &total, batchCount: 1)
    }
}
