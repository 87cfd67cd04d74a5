import LockstepCore
import Testing

@testable import LockstepEngine

@Suite("Sums for metrics") struct MetricSumTests {
    @Test("classes are counted as a plain count does")
    func classes() throws {
        let sums: [MetricSum] = [.samples, .correct, .topK(2), .classCounts(3), .confusion(3)]
        let (batch, outputs, totals) = try measure(TestNet(input: [4], layers: [.linear(3)]), sums, count: 41)
        var expected = [Double](repeating: 0, count: 3 + 9 + 9)
        for sample in 0..<41 {
            let row = Array(outputs[sample * 3..<sample * 3 + 3])
            let label = Int(batch.target(sample)[0])
            let order = row.indices.sorted { row[$0] > row[$1] }
            expected[0] += 1
            expected[1] += order[0] == label ? 1 : 0
            expected[2] += order.prefix(2).contains(label) ? 1 : 0
            expected[3 + 3 * label] += 1
            expected[3 + 3 * order[0] + 1] += 1
            expected[3 + 3 * label + 2] += order[0] == label ? 1 : 0
            expected[12 + 3 * label + order[0]] += 1
        }
        #expect(totals == expected)
        #expect(totals[1] > 0 && totals[1] < totals[2] && totals[2] < 41, "each is told from the others")
    }

    @Test("the first of equal outputs is the guess, and counts as greater")
    func ties() {
        let outputs: [Float] = [1, 3, 3, 2]
        var sums = [0.0]
        func count(_ sum: MetricSum, _ label: Int32) -> Double {
            sums[0] = 0
            var label = label
            outputs.withUnsafeBufferPointer { sum.add($0, &label, into: &sums, Kernels.best().table) }
            return sums[0]
        }
        #expect(count(.correct, 1) == 1)
        #expect(count(.correct, 2) == 0)
        #expect(count(.topK(1), 2) == 0)
        #expect(count(.topK(2), 2) == 1)
        #expect(count(.topK(2), 3) == 0)
        #expect(count(.topK(3), 3) == 1)
    }

    @Test("values are summed in double precision")
    func values() throws {
        let net = TestNet(input: [4], layers: [.linear(2)], loss: .squaredError)
        let (batch, outputs, totals) = try measure(net, [.absoluteError, .residuals(2)], count: 29)
        var expected = [Double](repeating: 0, count: 7)
        for sample in 0..<29 {
            for output in 0..<2 {
                let (value, target) = (Double(outputs[2 * sample + output]), batch.target(sample)[output])
                expected[0] += abs(value - target) / 2
                expected[1 + 3 * output] += target
                expected[2 + 3 * output] += target * target
                expected[3 + 3 * output] += (target - value) * (target - value)
            }
        }
        for (total, value) in zip(totals, expected) { #expect(abs(total - value) < 1e-12 * value) }
        #expect(totals[3] > 0)
    }

    @Test("decisions and scores of logits")
    func decisions() throws {
        let net = TestNet(input: [4], layers: [.linear(1)], loss: .binaryCrossEntropy(positiveWeight: 1))
        let (batch, outputs, totals) = try measure(net, [.decisions, .scores(classes: false)], count: 53)
        var expected = [Double](repeating: 0, count: 4)
        for (sample, logit) in outputs.enumerated() {
            expected[(batch.target(sample)[0] > 0.5 ? 2 : 0) + (logit > 0 ? 1 : 0)] += 1
        }
        #expect(Array(totals.prefix(4)) == expected)
        let scores = totals.dropFirst(4)
        #expect(scores.reduce(0, +) == 53)
        #expect(scores.suffix(512).reduce(0, +) == expected[2] + expected[3])
        // A logit of 0 is the first of the upper half.
        let upper = scores.enumerated().filter { $0.offset % 512 >= 256 }.reduce(0) { $0 + $1.element }
        #expect(upper == Double(outputs.count { $0 >= 0 }))
    }

    @Test("a score's bin holds for every logit")
    func extremes() {
        for (logit, bin) in [
            (-Float.infinity, 0), (-100, 0), (0, 256), (100, 511), (.infinity, 511), (.nan, 0),
        ] as [(Float, Int)] {
            var sums = [Double](repeating: 0, count: 1024)
            var target: Float = 0
            withUnsafePointer(to: logit) {
                MetricSum.scores(classes: false).add(
                    UnsafeBufferPointer(start: $0, count: 1), &target, into: &sums, Kernels.best().table)
            }
            #expect(sums.firstIndex(of: 1) == bin, "\(logit)")
        }
    }

    /// Evaluates a batch with lanes of several sizes; the totals are added lane by lane.
    private func measure(
        _ net: TestNet, _ sums: [MetricSum], count: Int
    ) throws -> (TestBatch, outputs: [Float], totals: [Double]) {
        let plan = try net.plan().measuring(sums)
        #expect(plan.metricSumCount == sums.reduce(0) { $0 + $1.count })
        let state = try FlatState(plan: plan, seed: 3)
        let batch = TestBatch(plan, count: count, laneCount: 5, seed: 8)
        let executor = try Executor(
            plan: plan, kernels: .best(), lanes: 0..<5, laneTree: LaneTree(laneCount: 5), batchSize: count, threads: 2)
        defer { executor.shutdown() }
        var outputs = [Float](repeating: .nan, count: count * plan.outputElements)
        let outcome = batch.run(
            executor, plan, 0..<5, state.parameters, isTraining: false, outputs: &outputs)
        let trained = batch.run(executor, plan, 0..<5, state.parameters, isTraining: true)
        #expect(trained.metricSums == outcome.metricSums, "training measures the same")
        var totals = [Double](repeating: 0, count: plan.metricSumCount)
        for (index, sum) in outcome.metricSums.enumerated() { totals[index % plan.metricSumCount] += sum }
        return (batch, outputs, totals)
    }
}
