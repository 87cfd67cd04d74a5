import LockstepCore
import Testing

@testable import LockstepEngine

@Suite("Dropout") struct DropoutTests {
    /// Each output is one input, twice dropped.
    static let net = TestNet(input: [40], layers: [.dropout(0.25), .linear(40), .dropout(0.5)], loss: .squaredError)

    @Test("drops with its probability, and other elements in every call, step, seed and position")
    func keys() throws {
        let base = try drop(TestNet.context)
        let share = Double(base.count { $0 == 0 }) / Double(base.count)
        #expect(abs(share - 0.5) < 0.05)
        var (seed, step, position) = (TestNet.context, TestNet.context, TestNet.context)
        seed.seed += 1
        step.step += 1
        position.firstPosition += 1
        for other in [seed, step, position] { #expect(try drop(other) != base) }
        #expect(try drop(TestNet.context) == base)
        // A position holds the same wherever its lane begins.
        #expect(Array(try drop(position).dropLast(40)) == Array(base.dropFirst(40)))
    }

    @Test("inference drops nothing")
    func inference() throws {
        let plain = TestNet(input: [40], layers: [.linear(40)], loss: .squaredError)
        let (plan, other) = (try DropoutTests.net.plan(), try plain.plan())
        #expect(plan.inference.instructions == other.inference.instructions)
        #expect(plan.digest != other.digest)
    }

    @Test("the description names probability and site, so that a job's digest covers them")
    func description() throws {
        let text = try DropoutTests.net.plan().modelDescription
        #expect(text.contains("dropout[probability:0.25,site:.dropout]"))
        #expect(text.contains("dropout[probability:0.5,site:.dropout.1]"))
    }

    @Test("a probability of 0 leaves no trace, and others outside 0 ..< 1 are refused")
    func probabilities() throws {
        let plain = TestNet(input: [4], layers: [.linear(3)])
        #expect(
            try TestNet(input: [4], layers: [.linear(3), .dropout(0)]).plan().digest == plain.plan().digest)
        for probability in [-0.1, 1, 1.5, .nan] {
            #expect {
                try TestNet(input: [4], layers: [.linear(3), .dropout(probability)]).plan()
            } throws: {
                ($0 as? CommandError)?.message.contains("dropout: probability is \(probability)") == true
            }
        }
    }

    /// The gradient of the bias for each sample alone is 0 exactly where the sample's output was dropped.
    private func drop(_ context: StepContext) throws -> [Float] {
        let plan = try DropoutTests.net.plan()
        let state = try FlatState(plan: plan, seed: 3)
        let batch = TestBatch(plan, count: 24, laneCount: 24, seed: 4)
        let bias = try #require(plan.layout.entries.first { $0.name == "1.bias" }?.range)
        var all: [Float] = []
        let executor = try Executor(
            plan: plan, kernels: .best(), lanes: 0..<1, laneTree: LaneTree(laneCount: 1), batchSize: 1, threads: 1)
        defer { executor.shutdown() }
        let gradient = UnsafeMutableRawPointer.allocate(byteCount: 4 * plan.layout.count, alignment: 64)
            .bindMemory(to: Float.self, capacity: plan.layout.count)
        defer { gradient.deallocate() }
        // All samples are alike; only their positions differ.
        let target = [Float](repeating: 9, count: 40)
        for sample in 0..<24 {
            var own = context
            own.firstPosition += UInt32(sample)
            var (result, sums) = (LaneResult(), 0.0)
            _ = executor.train(
                parameters: state.parameters, inputs: Array(batch.inputs.prefix(40)), targets: target,
                laneStarts: [0, 1], gradients: [gradient], results: &result, metricSums: &sums, context: own)
            all += UnsafeBufferPointer(start: gradient + bias.lowerBound, count: 40)
        }
        return all
    }
}
