import LockstepCore
import Testing

@testable import LockstepEngine

@Suite("Running statistics") struct RunningStatisticsTests {
    /// The input itself is normalised, so that its statistics are plain to compute.
    static let net = TestNet(input: [3, 2, 2], layers: [.batchNorm(momentum: 0.25), .flatten, .linear(3)])

    @Test("follow the lanes' statistics, weighted by their counts", arguments: [(11, 4), (5, 5), (6, 4), (3, 7)])
    func followLanes(count: Int, laneCount: Int) throws {
        let plan = try RunningStatisticsTests.net.plan()
        let state = try FlatState(plan: plan, seed: 3)
        let batch = TestBatch(plan, count: count, laneCount: laneCount, seed: 7)
        var (mean, variance) = ([0.0, 0.0], [1.0, 1.0])
        for _ in 1...3 {
            try step(plan, state, batch, threads: 2)
            for channel in 0..<2 {
                let statistics = batch.lanes.compactMap { self.statistics(of: channel, batch, $0) }
                let weight = statistics.reduce(0) { $0 + $1.count }
                mean[channel] += 0.25 * (statistics.reduce(0) { $0 + $1.count * $1.mean } / weight - mean[channel])
                variance[channel] +=
                    0.25 * (statistics.reduce(0) { $0 + $1.count * $1.variance } / weight - variance[channel])
            }
        }
        let (ownMean, ownVariance) = (try tensor("0.running_mean", state), try tensor("0.running_var", state))
        for channel in 0..<2 {
            #expect(abs(ownMean[channel] - mean[channel]) < 1e-6)
            #expect(abs(ownVariance[channel] - variance[channel]) < 1e-6)
            // The canary: the biased variance is another number.
            #expect(abs(ownVariance[channel] - variance[channel] * 0.95) > 1e-6)
        }
    }

    @Test("lanes of one value each change nothing")
    func singleValues() throws {
        let plan = try TestNet(input: [4], layers: [.batchNorm(), .linear(3)]).plan()
        let state = try FlatState(plan: plan, seed: 3)
        let batch = TestBatch(plan, count: 3, laneCount: 3, seed: 7)
        try step(plan, state, batch, threads: 1)
        #expect(try tensor("0.running_mean", state) == [0, 0, 0, 0])
        #expect(try tensor("0.running_var", state) == [1, 1, 1, 1])
        // With two in one lane that lane alone counts.
        let larger = TestBatch(plan, count: 4, laneCount: 3, seed: 7)
        try step(plan, state, larger, threads: 1)
        let lane = try #require(larger.lanes.first { $0.count == 2 })
        let expected = 0.1 * (larger.input(lane.lowerBound)[0] + larger.input(lane.lowerBound + 1)[0]) / 2
        #expect(abs(try tensor("0.running_mean", state)[0] - expected) < 1e-7)
    }

    @Test("have the same bits for any number of threads and owners of lanes")
    func sameBits() throws {
        let plan = try RunningStatisticsTests.net.plan()
        let batch = TestBatch(plan, count: 11, laneCount: 7, seed: 7)
        let hashes = try [1, 2, 5].map { threads in
            let state = try FlatState(plan: plan, seed: 3)
            for _ in 1...2 { try step(plan, state, batch, threads: threads) }
            return state.hash(.best())
        }
        #expect(hashes == [hashes[0], hashes[0], hashes[0]])
    }

    @Test("are what inference normalises by")
    func inference() throws {
        let net = TestNet(input: [2], layers: [.batchNorm(), .linear(2, bias: false)], loss: .squaredError)
        let plan = try net.plan()
        let state = try FlatState(plan: plan, seed: 3)
        for (name, values) in [
            ("0.running_mean", [0.5, -1]), ("0.running_var", [4, 0.25]), ("0.weight", [2, 1]), ("0.bias", [0, 3]),
            ("1.weight", [1, 0, 0, 1]),
        ] as [(String, [Float])] {
            _ = try view(name, state).elements.update(fromContentsOf: values)
        }
        let batch = TestBatch(plan, count: 5, laneCount: 2, seed: 7)
        let executor = try Executor(
            plan: plan, kernels: .best(), lanes: 0..<2, laneTree: LaneTree(laneCount: 2), batchSize: 5, threads: 1)
        defer { executor.shutdown() }
        var outputs = [Float](repeating: .nan, count: 10)
        _ = batch.run(executor, plan, 0..<2, state.parameters, isTraining: false, outputs: &outputs)
        for sample in 0..<5 {
            let x = batch.input(sample)
            let expected = [2 * (x[0] - 0.5) / 4.001.squareRoot(), (x[1] + 1) / 0.251.squareRoot() + 3]
            for output in 0..<2 { #expect(abs(Double(outputs[2 * sample + output]) - expected[output]) < 1e-5) }
        }
    }

    @Test("stand behind the parameters, out of the optimizer's and clipping's reach")
    func layout() throws {
        let plan = try RunningStatisticsTests.net.plan(optimizer: .adam)
        let names = ["2.bias", "2.weight", "0.bias", "0.weight"]
        #expect(plan.layout.entries.map(\.name) == names + ["0.running_var", "0.running_mean"])
        #expect(plan.layout.entries.map(\.isBuffer) == [false, false, false, false, true, true])
        #expect(plan.layout.parameterEnd == plan.layout.entries[4].range.lowerBound)
        #expect(plan.layout.parameterCount == 3 + 36 + 2 + 2)
        let state = try FlatState(plan: plan, seed: 3, keepsBest: true)
        #expect(state.parameterViews.count == 6)
        #expect(state.optimizerViews.count == 4 + 4 + 6)
        #expect(try tensor("0.running_var", state) == [1, 1])

        // A norm that the buffers' sums would exceed is not reached by the parameters' gradients alone.
        let executor = try Executor(
            plan: plan, kernels: .best(), lanes: 0..<2, laneTree: LaneTree(laneCount: 2), batchSize: 4, threads: 2)
        defer { executor.shutdown() }
        var gradient = [Float](repeating: 0, count: plan.layout.count)
        for index in plan.layout.parameterEnd..<plan.layout.count { gradient[index] = 1e6 }
        gradient[0] = 4
        let rule = OptimizerStep.adam(rate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, step: 1, totalWeight: 4)
        executor.update(
            state, optimizer: rule.preparing(maximumNorm: 1, maximumValue: 0, l1: 0, l2: 0.5),
            totalGradient: gradient, batchCount: 4)
        #expect(abs(state.vectors[0][0] - 0.1) < 0.06, "the mean gradient 1 is not clipped")
        #expect(state.vectors[0][plan.layout.parameterEnd] == 0)
    }

    @Test("belong to one call of a layer")
    func oneCall() {
        #expect {
            try TestNet(input: [4], layers: [.batchNorm(), .linear(4), .again(0), .linear(3)]).plan()
        } throws: {
            ($0 as? CommandError)?.message.contains("belong to one call") == true
        }
    }

    /// One step of all lanes, with a rate of 0.
    private func step(_ plan: Plan, _ state: FlatState, _ batch: TestBatch, threads: Int) throws {
        let executor = try Executor(
            plan: plan, kernels: .best(), lanes: 0..<batch.laneCount, laneTree: LaneTree(laneCount: batch.laneCount),
            batchSize: batch.count, threads: threads)
        defer { executor.shutdown() }
        let outcome = batch.run(executor, plan, 0..<batch.laneCount, state.parameters, isTraining: true)
        executor.update(
            state, optimizer: .sgd(rate: 0, totalWeight: 1),
            totalGradient: outcome.gradients[0].map(Float.init(bitPattern:)), batchCount: batch.count)
    }

    /// Mean and unbiased variance of a channel over the samples of a lane, nil for fewer than two values.
    private func statistics(
        of channel: Int, _ batch: TestBatch, _ lane: Range<Int>
    ) -> (count: Double, mean: Double, variance: Double)? {
        let values = lane.flatMap { sample in
            batch.input(sample).enumerated().filter { $0.offset % 2 == channel }.map(\.element)
        }
        guard values.count > 1 else { return nil }
        let mean = values.reduce(0, +) / Double(values.count)
        let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        return (Double(values.count), mean, squares / Double(values.count - 1))
    }

    private func view(_ name: String, _ state: FlatState) throws -> FlatState.View {
        try #require(state.parameterViews.first { $0.name == name })
    }

    private func tensor(_ name: String, _ state: FlatState) throws -> [Double] {
        try view(name, state).elements.map(Double.init)
    }
}
