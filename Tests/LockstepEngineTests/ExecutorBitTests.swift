import CLockstepKernels
import LockstepCore
import Testing

@testable import LockstepEngine

@Suite("Bits do not depend on who computes") struct ExecutorBitTests {
    static let shared = TestNet(input: [5], layers: [.linear(5), .relu, .again(0), .relu, .linear(3)])
    static let everything = TestNet(
        input: [9, 8, 2],
        layers: [
            .convolution(5, kernel: 3, stride: 2, padding: 1), .activation(Activation(.silu)), .dropout(0.4),
            .averagePool(2, stride: 1, padding: 1), .pool(3, stride: 2, padding: 1), .flatten, .linear(6),
            .activation(Activation(.tanh)), .dropout(0.25), .linear(4),
        ], loss: .smoothedSoftmaxCrossEntropy(smoothing: 0.1, classWeights: [0.5, 2, 1, 0.25]))
    static let nets = [
        TestNet.perceptron, TestNet.convolutional, shared, everything, SequenceNets.transformer,
        SequenceNets.normTwice, BatchNormNets.flat, BatchNormNets.residual, RecurrentNets.recurrent,
        RecurrentNets.transformer,
    ]

    @Test("the same for any threads, groups and owners of lanes", arguments: nets.indices)
    func sameForAnyone(index: Int) throws {
        let bare = try ExecutorBitTests.nets[index].plan()
        let plan = bare.measuring([.samples, .correct, .topK(2), .classCounts(bare.classes)])
        let kernels = Kernels.best()
        let state = try FlatState(plan: plan, seed: 3)
        // Fewer samples than lanes in the first: two lanes are empty. Ragged lanes in the others.
        for (count, laneCount) in [(5, 7), (13, 7), (16, 8), (11, 5)] {
            let tree = LaneTree(laneCount: laneCount)
            let batch = TestBatch(plan, count: count, laneCount: laneCount, seed: 5)
            let reference = try batch.train(
                plan, kernels, parameters: state.parameters, ownership: [0..<laneCount], threads: 1)
            let total = reference.total(kernels, tree: tree).map(\.bitPattern)
            for padding in plan.layout.paddings { #expect(total[padding].allSatisfy { $0 == 0 }) }
            for threads in 2...5 {
                let other = try batch.train(
                    plan, kernels, parameters: state.parameters, ownership: [0..<laneCount], threads: threads)
                #expect(other == reference, "\(threads) threads")
            }
            for limit in 1...3 {
                let other = try batch.train(
                    plan, kernels, parameters: state.parameters, ownership: [0..<laneCount], threads: 2,
                    lanesPerGroup: limit)
                #expect(other == reference, "groups of \(limit)")
            }
            for workers in 2...laneCount {
                let ownership = (0..<workers).map { LanePositions.range(lane: $0, of: workers, batch: laneCount) }
                let other = try batch.train(
                    plan, kernels, parameters: state.parameters, ownership: ownership, threads: 2)
                #expect(other.total(kernels, tree: tree).map(\.bitPattern) == total, "\(workers) workers")
                #expect(other.results == reference.results)
                #expect(other.metricSums == reference.metricSums)
            }
        }
    }

    @Test("the same with every instruction set of this machine", arguments: nets.indices)
    func sameForAnyInstructionSet(index: Int) throws {
        let plan = try ExecutorBitTests.nets[index].plan()
        let state = try FlatState(plan: plan, seed: 3)
        let batch = TestBatch(plan, count: 13, laneCount: 7, seed: 5)
        let outcomes = try Kernels.knownNames.compactMap(Kernels.init(named:)).map {
            try batch.train(plan, $0, parameters: state.parameters, ownership: [0..<7], threads: 2)
        }
        #expect(outcomes.count >= 1)
        for outcome in outcomes { #expect(outcome == outcomes[0]) }
    }

    @Test("lanes added in another order than the tree's give other bits")
    func wrongOrderDiffers() throws {
        let plan = try TestNet.perceptron.plan()
        let kernels = Kernels.best()
        let state = try FlatState(plan: plan, seed: 3)
        let batch = TestBatch(plan, count: 29, laneCount: 7, seed: 5)
        let lanes = try batch.train(
            plan, kernels, parameters: state.parameters, ownership: (0..<7).map { $0..<$0 + 1 }, threads: 1)
        let right = lanes.total(kernels, tree: LaneTree(laneCount: 7)).map(\.bitPattern)
        let wrong = lanes.gradients.dropFirst().reduce(lanes.gradients[0]) {
            zip($0, $1).map { (Float(bitPattern: $0) + Float(bitPattern: $1)).bitPattern }
        }
        #expect(wrong != right)
    }

    @Test("each element is the sum that the contract states")
    func matchesTheContract() throws {
        // Longer than a chunk of 512, so that the cut shows.
        let net = TestNet(input: [530], layers: [.linear(3)])
        let plan = try net.plan()
        let kernels = Kernels.best()
        let state = try FlatState(plan: plan, seed: 3)
        let batch = TestBatch(plan, count: 7, laneCount: 3, seed: 5)
        let outcome = try batch.train(plan, kernels, parameters: state.parameters, ownership: [0..<3], threads: 2)

        let weights = state.parameterViews.first { $0.name == "0.weight" }.map { Array($0.elements) } ?? []
        let bias = state.parameterViews.first { $0.name == "0.bias" }.map { Array($0.elements) } ?? []
        var gradients = [[Float]](repeating: [], count: batch.count)
        for sample in 0..<batch.count {
            let x = Array(batch.inputs[sample * 530..<(sample + 1) * 530])
            var logits = (0..<3).map { o in chain(x, Array(weights[o * 530..<(o + 1) * 530])) + bias[o] }
            var loss: Float = 0
            var correct: UInt8 = 0
            var label = Int32(batch.targets[sample])
            gradients[sample] = [0, 0, 0]
            kernels.table.pointee.softmax_cross_entropy(1, 3, &logits, &label, &loss, &gradients[sample], &correct)
        }
        let laneSums = (0..<3).map { lane in
            let rows = LanePositions.range(lane: lane, of: 3, batch: batch.count)
            return (0..<3 * 530).map { element in
                chain(rows.map { gradients[$0][element / 530] }, rows.map { batch.inputs[$0 * 530 + element % 530] })
            }
        }
        let expected = (0..<3 * 530).map { (laneSums[0][$0] + laneSums[1][$0]) + laneSums[2][$0] }
        let range = try #require(plan.layout.entries.first { $0.name == "0.weight" }?.range)
        #expect(Array(outcome.gradients[0][range]) == expected.map(\.bitPattern))
        // The canary: without the cut at 512 a logit has other bits for some sample.
        let uncut = (0..<batch.count).contains { sample in
            let x = Array(batch.inputs[sample * 530..<(sample + 1) * 530])
            let whole = zip(x, weights).reduce(Float(0)) { $0.addingProduct($1.0, $1.1) }
            return whole != chain(x, Array(weights[0..<530]))
        }
        #expect(uncut)
    }

    private func chain(_ a: [Float], _ b: [Float]) -> Float {
        var total: Float = 0
        for start in stride(from: 0, to: a.count, by: 512) {
            let end = min(start + 512, a.count)
            let sum = (start..<end).reduce(Float(0)) { $0.addingProduct(a[$1], b[$1]) }
            total = start == 0 ? sum : total + sum
        }
        return total
    }

    @Test("evaluation gives the losses of training, and ragged batches reuse the same executor")
    func evaluates() throws {
        let plan = try TestNet.convolutional.plan()
        let kernels = Kernels.best()
        let state = try FlatState(plan: plan, seed: 3)
        let batch = TestBatch(plan, count: 13, laneCount: 7, seed: 5)
        let trained = try batch.train(plan, kernels, parameters: state.parameters, ownership: [0..<7], threads: 3)
        #expect(try batch.evaluate(plan, kernels, parameters: state.parameters, threads: 2).results == trained.results)

        let small = TestBatch(plan, count: 3, laneCount: 7, seed: 9)
        let fresh = try small.train(plan, kernels, parameters: state.parameters, ownership: [0..<7], threads: 3)
        let executor = try Executor(
            plan: plan, kernels: kernels, lanes: 0..<7, laneTree: LaneTree(laneCount: 7), batchSize: 13, threads: 3)
        defer { executor.shutdown() }
        _ = batch.run(executor, plan, 0..<7, state.parameters, isTraining: true)
        let again = small.run(executor, plan, 0..<7, state.parameters, isTraining: true)
        #expect(again.gradients == fresh.gradients)
        #expect(again.results == fresh.results)
        #expect(again.results[0] == LaneResult(), "a lane without samples takes part with zeros")
    }

    @Test("a loss that is not finite is reported for its lane alone")
    func notFinite() throws {
        let plan = try TestNet.perceptron.plan()
        let state = try FlatState(plan: plan, seed: 3)
        var batch = TestBatch(plan, count: 8, laneCount: 4, seed: 5)
        batch.inputs[5 * plan.sampleElements] = .infinity
        let outcome = try batch.train(plan, .best(), parameters: state.parameters, ownership: [0..<4], threads: 2)
        #expect(outcome.results.map(\.isFinite) == [true, true, false, true])
    }

    @Test("update and hash give the same bits for any number of threads")
    func updateAndHash() throws {
        let plan = try TestNet(input: [70], layers: [.linear(90), .relu, .linear(10)]).plan(optimizer: .adam)
        var gradient = (0..<plan.layout.count).map { Float($0 % 13) * 0.1 - 0.6 }
        var hashes: [StateHash] = []
        for threads in 1...3 {
            let state = try FlatState(plan: plan, seed: 3)
            let executor = try Executor(
                plan: plan, kernels: .best(), lanes: 0..<4, laneTree: LaneTree(laneCount: 4), batchSize: 4,
                threads: threads)
            defer { executor.shutdown() }
            for step in 1...3 {
                executor.update(
                    state,
                    optimizer: .adam(
                        rate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, step: step, totalWeight: 4),
                    totalGradient: &gradient, batchCount: 4)
            }
            hashes.append(executor.hash(state))
            #expect(executor.hash(state) == state.hash(.best()))
        }
        #expect(hashes == [hashes[0], hashes[0], hashes[0]])
        #expect(hashes[0] != (try FlatState(plan: plan, seed: 3)).hash(.best()))
    }
}
