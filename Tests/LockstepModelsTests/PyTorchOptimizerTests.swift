import LockstepCore
import LockstepEngine
import Testing

@testable import LockstepModels

/// Parameters after five steps, as PyTorch 2.13 gives them in double precision.
@Suite("PyTorch's optimizers and schedules") struct PyTorchOptimizerTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var optimizer: Optimizer
        var regularization = Regularization.none
        var clipping: Clipping?
        var expected: [Double]

        var testDescription: String { "\(optimizer) \(regularization) \(clipping?.description ?? "")" }
    }

    static let gradients: [[Float]] = [
        [0.5, -1, 0.25], [-0.25, 2, 0.125], [1, 0.5, -0.75], [0.125, -0.5, 1.5], [-2, 0.25, 0.5],
    ]
    static let cases = [
        Case(optimizer: .sgd(learningRate: 0.1), expected: [1.0625, -2.125, 0.3375]),
        Case(optimizer: .sgd(learningRate: 0.1, momentum: 0.9), expected: [0.78647, -2.34379, 0.222885]),
        Case(
            optimizer: .sgd(learningRate: 0.1, momentum: 0.9, dampening: 0.5),
            expected: [0.7908575, -1.96714, 0.31025375]),
        Case(
            optimizer: .sgd(learningRate: 0.1, momentum: 0.9, nesterov: true),
            expected: [0.870323, -2.434411, 0.0880965]),
        Case(optimizer: .adam(learningRate: 0.1), expected: [0.769681941, -2.02235967, 0.257484741]),
        Case(
            optimizer: .adamW(learningRate: 0.1, weightDecay: 0.05),
            expected: [0.74826921, -1.97377689, 0.248328572]),
        Case(optimizer: .rmsprop(learningRate: 0.1), expected: [0.33408091, -2.0070099, -1.17819138]),
        Case(
            optimizer: .rmsprop(learningRate: 0.1, alpha: 0.9, momentum: 0.5),
            expected: [0.397079923, -1.97792101, -0.383955772]),
        Case(
            optimizer: .adagrad(learningRate: 0.1, learningRateDecay: 0.2),
            expected: [0.916276786, -1.98268642, 0.358848369]),
        Case(
            optimizer: .sgd(learningRate: 0.1, momentum: 0.9), regularization: Regularization(l2: 0.02),
            expected: [0.7623531, -2.29100162, 0.21061548]),
        Case(
            optimizer: .adam(learningRate: 0.1), regularization: Regularization(l2: 0.02),
            expected: [0.760352409, -2.0107985, 0.253999496]),
        Case(
            optimizer: .sgd(learningRate: 0.1), clipping: .norm(0.75), expected: [0.9871642, -2.02205271, 0.43178495]),
        Case(optimizer: .sgd(learningRate: 0.1), clipping: .value(0.4), expected: [0.9725, -2.025, 0.4225]),
        Case(
            optimizer: .sgd(learningRate: 0.1), regularization: Regularization(l1: 0.01, l2: 0.02),
            clipping: .norm(0.75), expected: [0.972663993, -1.99716586, 0.421958109]),
    ]

    @Test("five steps", arguments: cases.indices)
    func fiveSteps(index: Int) throws {
        let test = PyTorchOptimizerTests.cases[index]
        let result = try parameters(after: test.optimizer, test.regularization, test.clipping)
        for (own, expected) in zip(result, test.expected) {
            #expect(abs(Double(own) - expected) < 2e-6, "\(test.testDescription)")
        }
        // The canary: a little more regularization is seen.
        var more = test.regularization
        more.l2 += 1e-3
        let other = try parameters(after: test.optimizer, more, test.clipping)
        #expect(zip(other, test.expected).contains { abs(Double($0) - $1) > 2e-6 })
    }

    @Test("the best parameters take no part in an update")
    func keepsBest() throws {
        for test in PyTorchOptimizerTests.cases {
            let plain = try parameters(after: test.optimizer, test.regularization, test.clipping)
            #expect(
                try parameters(after: test.optimizer, test.regularization, test.clipping, keepsBest: true) == plain)
        }
    }

    private func parameters(
        after optimizer: Optimizer, _ regularization: Regularization, _ clipping: Clipping?, keepsBest: Bool = false
    ) throws -> [Float] {
        try optimizer.validate()
        let plan = try Plan.compile(
            model: Linear(3, bias: false), inputShape: [1], loss: .meanSquaredError, optimizer: optimizer)
        let state = try FlatState(layout: plan.layout, optimizer: plan.optimizer, keepsBest: keepsBest)
        for (index, value) in [1, -2, 0.5].enumerated() { state.parameters[index] = Float(value) }
        state.keepBest()
        let executor = try Executor(
            plan: plan, kernels: .best(), lanes: 0..<2, laneTree: LaneTree(laneCount: 2), batchSize: 2, threads: 2)
        defer { executor.shutdown() }
        for (index, row) in PyTorchOptimizerTests.gradients.enumerated() {
            // The sum over samples of weight 4.
            var gradient = [Float](repeating: 0, count: plan.layout.count)
            for (element, value) in row.enumerated() { gradient[element] = 4 * value }
            let step = optimizer.step(
                index + 1, of: 5, totalWeight: 4, regularization: regularization, clipping: clipping,
                kernels: .best())
            executor.update(state, optimizer: step, totalGradient: &gradient)
        }
        let result = (0..<3).map { state.parameters[$0] }
        if keepsBest {
            state.restoreBest()
            #expect((0..<3).map { state.parameters[$0] } == [1, -2, 0.5])
        }
        return result
    }

    @Test(
        "schedules",
        arguments: [
            (Schedule.steps(from: 0.8, every: 3, factor: 0.5), [0.8, 0.8, 0.8, 0.4, 0.4, 0.4, 0.2, 0.2]),
            (.milestones(from: 0.8, at: [2, 5], factor: 0.5), [0.8, 0.8, 0.4, 0.4, 0.4, 0.2, 0.2, 0.2]),
            (.exponential(from: 0.8, decay: 0.9), [0.8, 0.72, 0.648, 0.5832]),
            (.linear(from: 0.8, to: 0.2, steps: 4), [0.8, 0.65, 0.5, 0.35, 0.2, 0.2, 0.2]),
        ])
    func schedules(schedule: Schedule, expected: [Double]) {
        for (index, rate) in expected.enumerated() {
            #expect(abs(schedule.rate(atStep: index + 1, of: 8, kernels: .best()) - rate) < 1e-12)
        }
    }

    @Test("every schedule rises in a line first")
    func warmUp() {
        let schedules: [Schedule] = [
            .constant(0.8, warmUpSteps: 4), .steps(from: 0.8, every: 3, warmUpSteps: 4),
            .milestones(from: 0.8, at: [6], warmUpSteps: 4), .exponential(from: 0.8, decay: 0.5, warmUpSteps: 4),
            .linear(from: 0.8, to: 0, steps: 2, warmUpSteps: 4), .plateau(from: 0.8, warmUpSteps: 4),
        ]
        for schedule in schedules {
            let rates = (1...5).map { schedule.rate(atStep: $0, of: 20, kernels: .best()) }
            #expect(rates == [0.2, 0.4, 0.8 * 3 / 4, 0.8, 0.8], "\(schedule)")
        }
        #expect(Schedule.steps(from: 1, every: 2, warmUpSteps: 4).rate(atStep: 7, of: 20, kernels: .best()) == 0.1)
        #expect(Schedule.milestones(from: 1, at: [6], warmUpSteps: 4).rate(atStep: 7, of: 9, kernels: .best()) == 0.1)
    }

    @Test("a plateau lowers the rate when ReduceLROnPlateau does")
    func plateau() {
        let schedule = Schedule.plateau(from: 1, factor: 0.5, patience: 1, minimumDelta: 0.01, minimum: 0.1)
        let watch = Watch(schedule: schedule)
        #expect(watch.isActive)
        var state = WatchState()
        let losses = [1.0, 0.9, 0.895, 0.892, 0.85, 0.86, 0.85, 0.86, 0.85, 0.86, 0.87, 0.88, 0.89]
        let rates = losses.enumerated().map { index, loss in
            let outcome = state.observe(watch, loss: loss, metrics: [], step: index + 1)
            #expect(outcome == Watch.Outcome())
            return schedule.rate(atStep: 50, of: 100, plateauFactor: state.plateauFactor, kernels: .best())
        }
        #expect(rates == [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125, 0.1, 0.1, 0.1])
    }
}
