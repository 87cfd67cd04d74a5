import CLockstepKernels
import LockstepCore
import Testing

@testable import LockstepEngine

@Suite("Fusion") struct FusionTests {
    static let nets = GradientTests.nets.map(\.net)

    @Test("a plan without it gives the same bits", arguments: nets.indices)
    func sameBits(index: Int) throws {
        let net = FusionTests.nets[index]
        let (plan, plain) = (try net.plan(), try net.plan(isFused: false))
        #expect(plan.layout == plain.layout)
        #expect(plan.modelDescription == plain.modelDescription)
        let state = try FlatState(plan: plan, seed: 3)
        let batch = TestBatch(plan, count: 7, laneCount: 3, seed: 5)
        let outcomes = try [plan, plain].map {
            try batch.train($0, .best(), parameters: state.parameters, ownership: [0..<3], threads: 1)
        }
        #expect(outcomes[0] == outcomes[1])
        let evaluations = try [plan, plain].map {
            try batch.evaluate($0, .best(), parameters: state.parameters, threads: 1).results
        }
        #expect(evaluations[0] == evaluations[1])
    }

    @Test("a residual network is convolutions and batch norms alone, forward and backward")
    func residualNetwork() throws {
        let plan = try BatchNormNets.residual.plan()
        let count = { (code: Instruction.Code) in plan.training.instructions.count { $0.code == code } }
        #expect(count(.relu) == 0)
        // The ReLUs before the pools have no data gradient to be merged into.
        #expect(count(.reluGradient) == 2)
        #expect(count(.add) == 0)
        let norms = plan.training.instructions.filter { $0.code == .batchNorm }
        #expect(norms.map { $0.function == LS_RELU } == [true, true, true, true])
        #expect(norms.map { $0.residual != .none } == [false, false, true, true])
        #expect(plan.inference.instructions.map(\.code).filter { $0 == .batchNormInference }.count == 4)
    }

    @Test("the two biases of an LSTM share one sum, those of a GRU do not")
    func recurrentLayers() throws {
        let biases = try [TestNet.Cell.lstm, .gru].map { cell in
            try TestNet(input: [4], layers: [.embedding(6, 3), .recurrence(cell, 3)]).plan().training.instructions
                .filter { $0.code == .linearBiasGradient }.map { $0.bias.start >= 0 }
        }
        #expect(biases == [[true], [false, false]])
    }

    @Test("a transformer's residuals, activations and their gradients are part of its products and norms")
    func transformer() throws {
        let plan = try SequenceNets.transformer.plan()
        let count = { (code: Instruction.Code) in plan.training.instructions.count { $0.code == code } }
        #expect(count(.activation) == 0)
        #expect(count(.activationGradient) == 0)
        // A dropout stands between a product and its residual.
        #expect(count(.add) == 1)
        let products = plan.training.instructions.filter { $0.code == .linear }
        #expect(products.filter { $0.residual != .none }.count == 2)
        #expect(products.filter { $0.function > LS_RELU && $0.extra != .none }.count == 1)
        #expect(plan.training.instructions.filter { $0.code == .layerNormGradient && $0.residual != .none }.count == 3)
        let plain = try SequenceNets.transformer.plan(isFused: false)
        #expect(plain.training.instructions.contains { $0.code == .activation })
    }
}
