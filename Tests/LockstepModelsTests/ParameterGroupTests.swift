import LockstepCore
import LockstepEngine
import Testing

@testable import LockstepModels

@Suite("Parameters by name") struct ParameterGroupTests {
    /// By trying every length that a star can stand for.
    private func reference(_ pattern: Substring, _ name: Substring) -> Bool {
        guard let first = pattern.first else { return name.isEmpty }
        if first == "*" {
            return name.indices.contains { reference(pattern.dropFirst(), name[$0...]) }
                || reference(pattern.dropFirst(), "")
        }
        return name.first == first && reference(pattern.dropFirst(), name.dropFirst())
    }

    @Test("a star stands for any characters")
    func patterns() {
        let seed: UInt64 = 5
        let generator = Philox(seed: seed, purpose: .shuffle)
        var matched = 0
        for number in 0..<2000 {
            let block = generator.block([UInt32(number), 0, 0, 0])
            let letters = ["a", "b", ".", "*"]
            let pattern = (0..<Int(block.x % 7)).map { letters[Int(block.y >> (2 * UInt32($0))) & 3] }.joined()
            let name = (0..<Int(block.z % 8)).map { letters[Int(block.w >> (2 * UInt32($0))) % 3] }.joined()
            let expected = reference(pattern[...], name[...])
            matched += expected ? 1 : 0
            #expect(NamePatterns([pattern]).matches(name) == expected, "'\(pattern)' '\(name)', seed \(seed)")
        }
        #expect(matched > 200)
        #expect(NamePatterns(["x", "*.bias"]).matches("0.bias"))
        #expect(!NamePatterns(["x", "*.bias"]).matches("bias"))
    }

    private let model = Sequential([("hidden", Linear(4)), ("norm", LayerNorm()), ("output", Linear(2))])

    private func plan(_ optimizer: Optimizer) throws -> Plan {
        try Plan.compile(model: model, inputShape: [3], loss: .meanSquaredError, optimizer: optimizer)
    }

    /// The parameters after two steps from one state and one gradient.
    private func trained(_ optimizer: Optimizer, _ regularization: Regularization = .none) throws -> [String: [Float]] {
        let plan = try plan(optimizer)
        let kernels = Kernels.best()
        let state = try FlatState(plan: plan, seed: 1)
        let executor = try Executor(
            plan: plan, kernels: kernels, lanes: 0..<1, laneTree: LaneTree(laneCount: 1), batchSize: 4, threads: 1)
        defer { executor.shutdown() }
        let gradient = UnsafeMutableRawPointer.allocate(byteCount: 4 * plan.layout.count, alignment: 64)
            .bindMemory(to: Float.self, capacity: plan.layout.count)
        defer { gradient.deallocate() }
        let groups = try OptimizerGroups(optimizer, layout: plan.layout)
        for step in 1...2 {
            gradient.update(repeating: 0, count: plan.layout.count)
            for entry in plan.layout.entries {
                for (offset, index) in entry.range.enumerated() { gradient[index] = 0.5 - Float(offset % 5) * 0.25 }
            }
            let constants = optimizer.step(
                step, of: 10, totalWeight: 4, regularization: regularization, clipping: .norm(100), groups: groups,
                kernels: kernels)
            executor.update(state, optimizer: constants, totalGradient: gradient, batchCount: 4)
        }
        return Dictionary(uniqueKeysWithValues: state.parameterViews.map { ($0.name, Array($0.elements)) })
    }

    @Test("each group's parameters get what an optimizer of its settings gives them")
    func groups() throws {
        let groups = [
            ParameterGroup(names: ["output.weight"], learningRateFactor: 0),
            ParameterGroup(names: ["*bias", "norm*"], weightDecay: 0),
            ParameterGroup(names: ["output*", "hidden.weight"], weightDecay: 0.5, learningRateFactor: 2),
        ]
        let start = try trained(.sgd(learningRate: 1e-30))
        func check(
            _ name: String, grouped: Optimizer, plain: Optimizer, faster: Optimizer, _ penalty: Double? = nil
        ) throws {
            let base = Regularization(l2: penalty ?? 0)
            let found = try trained(grouped, base)
            let withoutDecay = try trained(plain, .none)
            let decayed = try trained(faster, Regularization(l2: penalty == nil ? 0 : 0.5))
            for bias in ["hidden.bias", "norm.weight", "norm.bias", "output.bias"] {
                #expect(found[bias] == withoutDecay[bias], "\(name) \(bias)")
            }
            #expect(found["hidden.weight"] == decayed["hidden.weight"], "\(name)")
            #expect(found["hidden.weight"] != withoutDecay["hidden.weight"], "\(name)")
            #expect(found["output.weight"] == start["output.weight"], "\(name)")
        }
        try check(
            "adamW", grouped: .adamW(learningRate: 0.1, weightDecay: 0.25, groups: groups),
            plain: .adamW(learningRate: 0.1, weightDecay: 0), faster: .adamW(learningRate: 0.2, weightDecay: 0.5))
        try check(
            "adam", grouped: .adam(learningRate: 0.1, groups: groups), plain: .adam(learningRate: 0.1),
            faster: .adam(learningRate: 0.2), 0.25)
        try check(
            "sgd", grouped: .sgd(learningRate: 0.1, groups: groups), plain: .sgd(learningRate: 0.1),
            faster: .sgd(learningRate: 0.2), 0.25)
        try check(
            "momentum", grouped: .sgd(learningRate: 0.1, momentum: 0.9, groups: groups),
            plain: .sgd(learningRate: 0.1, momentum: 0.9), faster: .sgd(learningRate: 0.2, momentum: 0.9), 0.25)
        try check(
            "rmsprop", grouped: .rmsprop(learningRate: 0.1, groups: groups), plain: .rmsprop(learningRate: 0.1),
            faster: .rmsprop(learningRate: 0.2), 0.25)
        try check(
            "adagrad", grouped: .adagrad(learningRate: 0.1, groups: groups), plain: .adagrad(learningRate: 0.1),
            faster: .adagrad(learningRate: 0.2), 0.25)
    }

    @Test("the first group with a name counts, and every name must stand for something")
    func resolution() throws {
        let optimizer = Optimizer.adamW(
            learningRate: 0.1,
            groups: [
                ParameterGroup(names: ["*.bias"], weightDecay: 0), ParameterGroup(names: ["output.*"], weightDecay: 1),
                ParameterGroup(names: ["output.bias"], weightDecay: 2),
            ])
        let plan = try plan(optimizer)
        let groups = try OptimizerGroups(optimizer, layout: plan.layout).groups
        #expect(groups.map { $0.group.weightDecay } == [0, 1])
        #expect(groups.map { $0.ranges.count } == [3, 1])
        for (names, words) in [(["*.bais"], "no parameter is named '*.bais'"), ([], "names nothing")] {
            let wrong = Optimizer.adam(learningRate: 0.1, groups: [ParameterGroup(names: names)])
            #expect {
                try OptimizerGroups(wrong, layout: plan.layout)
            } throws: {
                let message = ($0 as? CommandError)?.message ?? ""
                return message.contains("optimizer.adam.groups.0") && message.contains(words)
            }
        }
        for group in [
            ParameterGroup(names: ["*"], weightDecay: -1), ParameterGroup(names: ["*"], learningRateFactor: .nan),
        ] {
            #expect(throws: CommandError.self) { try Optimizer.adam(learningRate: 0.1, groups: [group]).validate() }
        }
    }

    @Test("buffers are no one's to group or to start")
    func buffers() throws {
        let model = Sequential(Linear(3), BatchNorm1D(), Linear(2))
        let optimizer = Optimizer.adam(learningRate: 0.1, groups: [ParameterGroup(names: ["1.*"])])
        let plan = try Plan.compile(
            model: model, inputShape: [3], loss: .meanSquaredError, optimizer: optimizer,
            initialValues: [InitialValues(names: ["*"], values: .normal(deviation: 2))])
        #expect(try OptimizerGroups(optimizer, layout: plan.layout).groups[0].ranges.count == 2)
        #expect(plan.layout.entries.filter { !$0.isBuffer }.allSatisfy { $0.initializer == .normal(deviation: 2) })
        #expect(plan.layout.entries.filter(\.isBuffer).allSatisfy { $0.initializer != .normal(deviation: 2) })
        for names in [["1.running_mean"], ["*running*"]] {
            let wrong = Optimizer.adam(learningRate: 0.1, groups: [ParameterGroup(names: names)])
            #expect(throws: CommandError.self) { try OptimizerGroups(wrong, layout: plan.layout) }
        }
    }

    @Test("parameters start as the first rule with their name says")
    func initialValues() throws {
        let rules = [
            InitialValues(names: ["hidden.weight"], values: .normal(deviation: 0.5)),
            InitialValues(names: ["*.bias"], values: .ones), InitialValues(names: ["*.weight"], values: .zeros),
        ]
        func plan(_ rules: [InitialValues]) throws -> Plan {
            try Plan.compile(
                model: model, inputShape: [3], loss: .meanSquaredError, optimizer: .sgd(learningRate: 0.1),
                initialValues: rules)
        }
        let state = try FlatState(plan: plan(rules), seed: 2)
        for view in state.parameterViews {
            switch view.name {
            case "hidden.weight":
                #expect(Set(view.elements).count == 12 && view.elements.contains { abs($0) > 0.5 })
            case let name where name.hasSuffix("bias"): #expect(view.elements.allSatisfy { $0 == 1 })
            default: #expect(view.elements.allSatisfy { $0 == 0 }, "\(view.name)")
            }
        }
        #expect(try plan(rules).digest != plan([]).digest)
        #expect {
            try plan([InitialValues(names: ["*.wieght"], values: .zeros)])
        } throws: {
            ($0 as? CommandError)?.message.contains("initialValues.0.names: no parameter is named '*.wieght'") == true
        }
        #expect(throws: CommandError.self) {
            try InitialValues(names: ["*"], values: .uniform(bound: -1)).validate(key: "initialValues.0")
        }
        // A bias is no matrix.
        #expect(throws: CommandError.self) { try plan([InitialValues(names: ["*"], values: .xavierUniform)]) }
    }

    @Test("a padding token's row stays zero whatever its embedding starts as")
    func paddingRow() throws {
        let model = Sequential([("tokens", Embedding(4, 3, paddingToken: 1)), (nil, Last())])
        func plan(_ values: Initializer) throws -> Plan {
            try Plan.compile(
                model: model, inputShape: [2], loss: .meanSquaredError, optimizer: .sgd(learningRate: 0.1),
                initialValues: [InitialValues(names: ["*"], values: values)])
        }
        #expect(throws: CommandError.self) { try plan(.ones) }
        let state = try FlatState(plan: plan(.normal(deviation: 0.02)), seed: 2)
        let rows = Array(try #require(state.parameterViews.first).elements)
        #expect(rows[3..<6].allSatisfy { $0 == 0 } && rows[..<3].allSatisfy { $0 != 0 && abs($0) < 0.2 })
    }
}
