import LockstepCore
import Testing

@testable import LockstepEngine

@Suite("Choice of packings") struct PackingChoiceTests {
    private static let net = TestNet(
        input: [6, 6, 2],
        layers: [.convolution(4, kernel: 3), .flatten, .linear(40), .relu, .linear(40), .relu, .linear(3)])

    @Test("weights that few rows meet are not packed, nor what a single group reads in order")
    func choice() throws {
        let plan = try PackingChoiceTests.net.plan()
        let forms = { (choice: PackingChoice) in choice.packings.map(\.form) }
        let many = PackingChoice(plan, samples: 64, groups: 2)
        #expect(many.packings == plan.packings)
        #expect(many.inferenceCount == plan.inferencePackings)
        #expect(many.floats == plan.packedFloats)
        #expect(many.training == plan.training.instructions)
        let single = PackingChoice(plan, samples: 100, groups: 1)
        #expect(forms(single) == [.convolution, .linear, .linear, .linear])
        // All in the same place, each made before what reads it.
        #expect(single.packings.allSatisfy { $0.packed == 0 })
        #expect(single.floats == single.packings.map { FlatLayout.aligned($0.count) }.max())
        #expect(single.trainingPackings.filter { $0 >= 0 } == [0, 1, 2, 3])
        #expect(single.inferencePackings.filter { $0 >= 0 } == [0, 1, 2, 3])
        #expect(many.trainingPackings.isEmpty)
        #expect(forms(PackingChoice(plan, samples: 64, groups: 1)) == [.convolution])
        let few = PackingChoice(plan, samples: 4, groups: 2)
        #expect(forms(few) == [.convolution])
        #expect(few.inferenceCount == 1)
        #expect(few.floats < plan.packedFloats)
        #expect(few.inference.allSatisfy { $0.code != .linear || $0.packed < 0 })
        // Positions are rows.
        let sequence = try SequenceNets.transformer.plan()
        #expect(PackingChoice(sequence, samples: 6, groups: 2).packings.count == sequence.packings.count)
    }

    @Test("packed or not gives the same bits")
    func sameBits() throws {
        let plan = try PackingChoiceTests.net.plan()
        let state = try FlatState(plan: plan, seed: 3)
        let batch = TestBatch(plan, count: 80, laneCount: 4, seed: 5)
        // Two groups share what is packed, one packs before use, and workers of few samples pack no products.
        let together = try batch.train(
            plan, .best(), parameters: state.parameters, ownership: [0..<4], threads: 2)
        let single = try batch.train(
            plan, .best(), parameters: state.parameters, ownership: [0..<4], threads: 1)
        let apart = try batch.train(
            plan, .best(), parameters: state.parameters, ownership: (0..<4).map { $0..<$0 + 1 }, threads: 1)
        let tree = LaneTree(laneCount: 4)
        #expect(together.total(.best(), tree: tree) == apart.total(.best(), tree: tree))
        #expect(together.results == apart.results)
        #expect(together.total(.best(), tree: tree) == single.total(.best(), tree: tree))
        #expect(together.results == single.results)
    }
}
