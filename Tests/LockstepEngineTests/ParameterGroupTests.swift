import LockstepCore
import Testing

@testable import LockstepEngine

@Suite("Groups of parameters") struct ParameterGroupTests {
    private static let plan = Result {
        try TestNet(input: [40], layers: [.linear(30), .relu, .linear(5)]).plan(optimizer: .adamW)
    }

    @Test("each range has its own rule, whoever computes it", arguments: 1...4)
    func ownRules(threads: Int) throws {
        let plan = try ParameterGroupTests.plan.get()
        let biases = plan.layout.entries.filter { $0.name.hasSuffix("bias") }.map(\.range)
        let (decayed, plain) = (rule(decay: 0.1, rate: 0.01), rule(decay: 0, rate: 0.02))
        let mixed = try update(plan, decayed.with(plain, for: biases), threads: threads)
        let (first, second) = (try update(plan, decayed, threads: 1), try update(plan, plain, threads: 1))
        for entry in plan.layout.entries {
            let expected = entry.name.hasSuffix("bias") ? second : first
            #expect(mixed[entry.range] == expected[entry.range], "\(entry.name)")
            #expect(first[entry.range] != second[entry.range])
        }
    }

    @Test("groups are clipped and penalised together with the rest")
    func clipped() throws {
        let plan = try ParameterGroupTests.plan.get()
        let weights = plan.layout.entries.filter { $0.name.hasSuffix("weight") }.map(\.range)
        func prepared(_ l2: Float) -> OptimizerStep {
            rule(decay: 0, rate: 0.01).preparing(maximumNorm: 0.5, maximumValue: 0, l1: 0, l2: l2)
        }
        let mixed = try update(plan, prepared(0).with(prepared(0.25), for: weights), threads: 3)
        let (first, second) = (try update(plan, prepared(0), threads: 1), try update(plan, prepared(0.25), threads: 1))
        for entry in plan.layout.entries {
            let expected = entry.name.hasSuffix("weight") ? second : first
            #expect(mixed[entry.range] == expected[entry.range])
        }
    }

    @Test("a range is handed out in pieces without gaps")
    func pieces() {
        let base = rule(decay: 0.1, rate: 1)
        let step = base.with(rule(decay: 0, rate: 1), for: [32..<40, 64..<96]).with(base, for: [64..<70, 128..<140])
        for (lower, upper) in [(0, 160), (16, 48), (32, 48), (48, 64), (80, 144), (96, 96)] {
            var pieces: [(Range<Int>, OptimizerStep.Part)] = []
            step.forEachPart(of: lower..<upper) { pieces.append(($0, $1)) }
            #expect(pieces.flatMap { Array($0.0) } == Array(lower..<upper))
            for (range, part) in pieces {
                guard case .adamW(_, let decay) = part.rule else { continue }
                let isOther = (32..<48).contains(range.lowerBound) || (64..<96).contains(range.lowerBound)
                #expect((decay == 1) == isOther)
            }
        }
    }

    private func rule(decay: Double, rate: Double) -> OptimizerStep {
        .adamW(
            rate: rate, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: decay, step: 1, totalWeight: 4)
    }

    /// The bits of the parameters after two steps.
    private func update(_ plan: Plan, _ step: OptimizerStep, threads: Int) throws -> [UInt32] {
        let state = try FlatState(plan: plan, seed: 3)
        let executor = try Executor(
            plan: plan, kernels: .best(), lanes: 0..<4, laneTree: LaneTree(laneCount: 4), batchSize: 4,
            threads: threads)
        defer { executor.shutdown() }
        let gradient = (0..<plan.layout.count).map { Float($0 % 13) * 0.1 - 0.6 }
        for _ in 1...2 { executor.update(state, optimizer: step, totalGradient: gradient, batchCount: 4) }
        return (0..<plan.layout.count).map { state.parameters[$0].bitPattern }
    }
}
