import LockstepCore
import Testing

@testable import LockstepEngine

@Suite("Sequences") struct SequenceTests {
    static let classifier = TestNet(input: [4], layers: [.embedding(5, 6), .linear(7), .linear(3)])

    @Test("targets are a class for each position, and tokens are limited by the table")
    func plan() throws {
        let plan = try SequenceTests.classifier.plan()
        #expect(plan.target == .classSequence(4))
        #expect(plan.targetElements == 4)
        #expect((plan.classes, plan.metricOutputs, plan.outputElements) == (3, 3, 12))
        #expect(plan.tokenLimit == 5)
        #expect(try TestNet.perceptron.plan().tokenLimit == nil)
        let two = TestNet(input: [4], layers: [.concatenate([.embedding(9, 2)], [.embedding(6, 2)]), .linear(3)])
        #expect(try two.plan().tokenLimit == 6)
        let values = TestNet(input: [4], layers: [.embedding(5, 6), .linear(3)], loss: .squaredError)
        #expect(try values.plan().target == .values(12))
    }

    @Test("metrics count positions, and those without a class count nothing")
    func metrics() throws {
        let plan = try SequenceTests.classifier.plan().measuring([.samples, .correct, .confusion(3)])
        let state = try FlatState(plan: plan, seed: 3)
        var batch = TestBatch(plan, count: 7, laneCount: 3, seed: 5)
        for index in [0, 5, 6, 7, 8, 9, 10, 11] { batch.targets[index] = UInt32(bitPattern: -100) }
        let executor = try Executor(
            plan: plan, kernels: .best(), lanes: 0..<3, laneTree: LaneTree(laneCount: 3), batchSize: 7, threads: 2)
        defer { executor.shutdown() }
        var outputs = [Float](repeating: .nan, count: 7 * 12)
        let outcome = batch.run(executor, plan, 0..<3, state.parameters, isTraining: false, outputs: &outputs)
        var expected = [Double](repeating: 0, count: 11)
        for (index, word) in batch.targets.enumerated() where Int32(bitPattern: word) >= 0 {
            let row = outputs[3 * index..<3 * index + 3]
            let guess = (row.firstIndex(of: row.max() ?? 0) ?? 0) - 3 * index
            expected[0] += 1
            expected[1] += guess == Int(word) ? 1 : 0
            expected[2 + 3 * Int(word) + guess] += 1
        }
        var sums = [Double](repeating: 0, count: 11)
        for (index, sum) in outcome.metricSums.enumerated() { sums[index % 11] += sum }
        #expect(sums == expected)
        #expect(sums[0] == 20)
        let trained = batch.run(executor, plan, 0..<3, state.parameters, isTraining: true)
        #expect(trained.results == outcome.results)
        // The third sample has no class at all: it has no loss, but counts.
        #expect(trained.results.reduce(0) { $0 + $1.weight } == 7)
        #expect(trained.results.allSatisfy { $0.isFinite && $0.loss > 0 })
    }

    @Test("the padding token's row has no gradient, the others theirs")
    func paddingToken() throws {
        let padded = TestNet(input: [5], layers: [.embedding(4, 3, paddingToken: 2), .flatten, .linear(3)])
        let plain = TestNet(input: [5], layers: [.embedding(4, 3), .flatten, .linear(3)])
        let gradients = try [padded, plain].map { net in
            let plan = try net.plan()
            let state = try FlatState(plan: plan, seed: 3)
            let batch = TestBatch(plan, count: 7, laneCount: 3, seed: 5)
            let table = try #require(plan.layout.entries.first { $0.name == "0.weight" }?.range)
            let outcome = try batch.train(
                plan, .best(), parameters: state.parameters, ownership: [0..<3], threads: 2)
            return Array(outcome.gradients[0][table])
        }
        #expect(gradients[0][6..<9].allSatisfy { $0 == 0 })
        #expect(gradients[1][6..<9].allSatisfy { $0 != 0 })
        #expect(gradients[0][..<6] == gradients[1][..<6])
        #expect(gradients[0][9...] == gradients[1][9...])
    }

    @Test(
        "what does not fit is refused with its shapes",
        arguments: [
            (
                TestNet(input: [4, 3], layers: [.embedding(5, 6), .linear(3)]),
                "takes a sequence of tokens, but what comes in is [4, 3]"
            ),
            (
                TestNet(input: [4], layers: [.linear(4), .embedding(5, 6), .linear(3)]),
                "takes tokens, but what comes in is made of parameters"
            ),
            (
                TestNet(input: [4], layers: [.embedding(5, 6, paddingToken: 5), .linear(3)]),
                "paddingToken is 5; it must be 0 to 4"
            ),
            (
                TestNet(input: [4], layers: [.linear(6), .position(0), .linear(3)]),
                "takes a sequence of positions × elements"
            ),
            (
                TestNet(input: [4], layers: [.embedding(5, 6), .position(4), .linear(3)]),
                "4 is not among the 4 positions of what comes in, [4, 6]"
            ),
            (
                TestNet(input: [4], layers: [.embedding(5, 6), .slice(4..<7), .linear(3)]),
                "takes elements 4..<7 of what comes in, [4, 6]"
            ),
            (
                TestNet(input: [4], layers: [.embedding(5, 6), .reshape([5, 5]), .linear(3)]),
                "makes [5, 5] of what comes in, [4, 6]"
            ),
            (
                TestNet(input: [4], layers: [.embedding(5, 6), .linear(5), .tied(0)]),
                "takes 6 inputs, but what comes in is [4, 5]"
            ),
            (
                TestNet(input: [4], layers: [.embedding(5, 6), .concatenate([.mean], [.linear(2)]), .linear(3)]),
                "these are [6] and [4, 2]"
            ),
            (
                TestNet(input: [5, 5, 2], layers: [.adaptivePool(6, 1), .flatten, .linear(3)]),
                "cannot make 6 × 1 of what comes in, [5, 5, 2]"
            ),
            (
                TestNet(
                    input: [4], layers: [.embedding(5, 6), .linear(3)],
                    loss: .smoothedSoftmaxCrossEntropy(smoothing: 0.1, classWeights: [])),
                "takes one number a class, but the model gives [4, 3]"
            ),
        ] as [(TestNet, String)])
    func refusals(net: TestNet, message: String) {
        #expect {
            try net.plan()
        } throws: {
            ($0 as? CommandError)?.message.contains(message) == true
        }
    }
}
