import LockstepCore
import LockstepEngine
import Testing

@testable import LockstepModels

/// A weight of 16 and a bias of 8 numbers over ten steps whose gradients are given.
@Suite("PyTorch's optimizers and schedules") struct PyTorchOptimizerTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var optimizer: Optimizer
        var regularization = Regularization.none
        var clipping: Clipping?

        var testDescription: String { name }
    }

    static let fixture = Result { try PyTorchFixture("optimizers") }
    static let cases = [
        Case(name: "sgd", optimizer: .sgd(learningRate: 0.1)),
        Case(name: "momentum", optimizer: .sgd(learningRate: 0.1, momentum: 0.9)),
        Case(name: "dampening", optimizer: .sgd(learningRate: 0.1, momentum: 0.9, dampening: 0.5)),
        Case(name: "nesterov", optimizer: .sgd(learningRate: 0.1, momentum: 0.9, nesterov: true)),
        Case(
            name: "sgdWithDecay", optimizer: .sgd(learningRate: 0.1, momentum: 0.9),
            regularization: Regularization(l2: 0.05)),
        Case(name: "adam", optimizer: .adam(learningRate: 0.01)),
        Case(name: "adamWithBetas", optimizer: .adam(learningRate: 0.01, beta1: 0.8, beta2: 0.95, epsilon: 1e-4)),
        Case(
            name: "adamWithDecay", optimizer: .adam(learningRate: 0.01), regularization: Regularization(l2: 0.05)),
        Case(name: "adamW", optimizer: .adamW(learningRate: 0.01)),
        Case(name: "adamWWithDecay", optimizer: .adamW(learningRate: 0.01, weightDecay: 0.2)),
        Case(name: "rmsprop", optimizer: .rmsprop(learningRate: 0.01)),
        Case(name: "rmspropWithMomentum", optimizer: .rmsprop(learningRate: 0.01, alpha: 0.9, momentum: 0.5)),
        Case(name: "adagrad", optimizer: .adagrad(learningRate: 0.1)),
        Case(name: "adagradWithDecay", optimizer: .adagrad(learningRate: 0.1, learningRateDecay: 0.2)),
        Case(name: "clippedByNorm", optimizer: .sgd(learningRate: 0.1, momentum: 0.9), clipping: .norm(2.5)),
        Case(name: "clippedByValue", optimizer: .adam(learningRate: 0.01), clipping: .value(0.4)),
        Case(
            name: "groups",
            optimizer: .adamW(
                learningRate: 0.01, weightDecay: 0.3,
                groups: [ParameterGroup(names: ["bias"], weightDecay: 0, learningRateFactor: 0.5)])),
    ]

    @Test("ten steps", arguments: cases)
    func tenSteps(test: Case) throws {
        let expected = try PyTorchOptimizerTests.fixture.get().floats("after/\(test.name)")
        let own = try parameters(after: test.optimizer, test.regularization, test.clipping)
        for step in 0..<10 {
            let elements = step * 24..<(step + 1) * 24
            let apart = distance(Array(own[elements]), Array(expected[elements]))
            #expect(apart < 1e-5, "after step \(step + 1) they are \(apart) apart")
        }
        // The canary: a little more regularization is seen.
        var more = test.regularization
        more.l2 += 1e-3
        #expect(distance(try parameters(after: test.optimizer, more, test.clipping), expected) > 1e-5)
    }

    @Test("every optimizer of the file is compared")
    func complete() throws {
        let known = try PyTorchOptimizerTests.fixture.get().names(behind: "after/")
        #expect(known == PyTorchOptimizerTests.cases.map(\.name).sorted())
    }

    @Test("the best parameters take no part in an update")
    func keepsBest() throws {
        for test in PyTorchOptimizerTests.cases {
            let plain = try parameters(after: test.optimizer, test.regularization, test.clipping)
            #expect(
                try parameters(after: test.optimizer, test.regularization, test.clipping, keepsBest: true) == plain)
        }
    }

    /// - Returns: weight and bias after each step, one after the other.
    private func parameters(
        after optimizer: Optimizer, _ regularization: Regularization, _ clipping: Clipping?, keepsBest: Bool = false
    ) throws -> [Float] {
        try optimizer.validate()
        let fixture = try PyTorchOptimizerTests.fixture.get()
        let start = try fixture.floats("start"), gradients = try fixture.floats("gradients")
        let plan = try Plan.compile(
            model: Linear(8), inputShape: [2], loss: .meanSquaredError, optimizer: optimizer)
        let groups = try OptimizerGroups(optimizer, layout: plan.layout)
        let state = try FlatState(layout: plan.layout, optimizer: plan.optimizer, keepsBest: keepsBest)
        let parts = ["weight": Array(start[..<16]), "bias": Array(start[16...])]
        try state.load(withVectors: false) { parts[$0] }
        state.keepBest()
        let executor = try Executor(
            plan: plan, kernels: .best(), lanes: 0..<2, laneTree: LaneTree(laneCount: 2), batchSize: 2, threads: 2)
        defer { executor.shutdown() }
        let views = ["weight", "bias"].compactMap { name in state.parameterViews.first { $0.name == name } }
        let ranges = ["weight", "bias"].compactMap { name in
            plan.layout.entries.first { $0.name == name }?.range
        }.flatMap { Array($0) }
        var result: [Float] = []
        for step in 0..<10 {
            // The sum over samples of weight 4.
            var gradient = [Float](repeating: 0, count: plan.layout.count)
            for (index, element) in ranges.enumerated() { gradient[element] = 4 * gradients[24 * step + index] }
            let update = optimizer.step(
                step + 1, of: 10, totalWeight: 4, regularization: regularization, clipping: clipping, groups: groups,
                kernels: .best())
            executor.update(state, optimizer: update, totalGradient: &gradient, batchCount: 4)
            result += views.flatMap { Array($0.elements) }
        }
        if keepsBest {
            state.restoreBest()
            #expect(views.flatMap { Array($0.elements) } == start)
        }
        return result
    }

    @Test(
        "schedules",
        arguments: [
            ("constant", Schedule.constant(0.8)), ("cosine", .cosine(from: 0.8)),
            ("cosineWithWarmUp", .cosine(from: 0.8, warmUpSteps: 10)),
            ("steps", .steps(from: 0.8, every: 30, factor: 0.3)),
            ("milestones", .milestones(from: 0.8, at: [20, 55, 80], factor: 0.5)),
            ("exponential", .exponential(from: 0.8, decay: 0.97)), ("linear", .linear(from: 0.8, to: 0.2, steps: 60)),
        ])
    func schedules(name: String, schedule: Schedule) throws {
        let expected = try PyTorchFixture("schedules").doubles(name)
        #expect(expected.count == 100)
        for (index, rate) in expected.enumerated() {
            let own = schedule.rate(atStep: index + 1, of: 100, kernels: .best())
            #expect(abs(own - rate) < 1e-6 * rate, "step \(index + 1): \(own), PyTorch's \(rate)")
        }
        // The canary: the rates of one step later are others.
        let later = expected.indices.map { schedule.rate(atStep: $0 + 2, of: 100, kernels: .best()) }
        #expect(name == "constant" || zip(later, expected).contains { abs($0 - $1) > 1e-6 })
    }

    @Test("a plateau lowers the rate when ReduceLROnPlateau does, over sixty epochs")
    func longPlateau() throws {
        let fixture = try PyTorchFixture("schedules")
        let schedule = Schedule.plateau(from: 0.8, factor: 0.5, patience: 2, minimumDelta: 0.01, minimum: 0.02)
        let watch = Watch(schedule: schedule)
        var state = WatchState()
        for (index, loss) in try fixture.doubles("plateauLosses").enumerated() {
            _ = state.observe(watch, loss: loss, metrics: [], step: index + 1)
            let rate = schedule.rate(atStep: 50, of: 100, plateauFactor: state.plateauFactor, kernels: .best())
            #expect(abs(rate - (try fixture.doubles("plateau")[index])) < 1e-12, "epoch \(index + 1)")
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
