import CMallocCounter
import LockstepCore
import Synchronization
import Testing

@testable import LockstepEngine

#if os(Linux)
@Suite("Allocations", .enabled(if: malloc_counter_works())) struct AllocationTests {
    @Test("compute threads allocate nothing in steps 10 to 60")
    func steadyState() throws {
        let plan = try ExecutorBitTests.shared.plan(optimizer: .adam)
        try count(plan, threadName: "quiet-a")
        try count(TestNet.convolutional.plan(optimizer: .adam), threadName: "quiet-b")
        try count(
            ExecutorBitTests.everything.plan(optimizer: .adam).measuring([
                .samples, .correct, .topK(2), .classCounts(4), .confusion(4),
            ]), threadName: "quiet-c")
        let regression = TestNet(input: [3], layers: [.linear(1)], loss: .binaryCrossEntropy(positiveWeight: 2))
        try count(
            regression.plan(optimizer: .adam).measuring([
                .decisions, .scores(classes: false), .absoluteError, .residuals(1),
            ]), threadName: "quiet-d")
    }

    @Test("nor do norms, embeddings, recurrent layers and attention")
    func steadyStateOfSequences() throws {
        try count(BatchNormNets.residual.plan(optimizer: .adam), threadName: "quiet-e")
        try count(RecurrentNets.recurrent.plan(optimizer: .adam), threadName: "quiet-f")
        try count(
            RecurrentNets.transformer.plan(optimizer: .adam).measuring([.samples, .correct]), threadName: "quiet-g")
    }

    private func count(_ plan: Plan, threadName: String) throws {
        let state = try FlatState(plan: plan, seed: 1)
        let executor = try Executor(
            plan: plan, kernels: .best(), lanes: 0..<7, laneTree: LaneTree(laneCount: 7), batchSize: 13, threads: 3,
            lanesPerGroup: 2, threadName: threadName, gradientCuts: plan.layout.tensorEnds)
        defer { executor.shutdown() }
        let batch = TestBatch(plan, count: 13, laneCount: 7, seed: 1)
        let observer = BucketObserver(ranges: executor.buckets, isCounting: true)
        var before: UInt64 = 0
        for step in 1...60 {
            if step == 10 { before = malloc_counter_total(threadName) }
            let outcome = batch.run(executor, plan, 0..<7, state.parameters, isTraining: true, observer: observer)
            var total = outcome.gradients[0].map(Float.init(bitPattern:))
            executor.update(
                state,
                optimizer: .adam(rate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, step: step, totalWeight: 13)
                    .preparing(maximumNorm: 1, maximumValue: 0, l1: 0.01, l2: 0.01),
                totalGradient: &total, batchCount: 13)
            _ = executor.hash(state)
            _ = batch.run(executor, plan, 0..<7, state.parameters, isTraining: false)
        }
        #expect(observer.count.load(ordering: .relaxed) == 60 * executor.buckets.count)
        #expect(before > 0, "the threads are seen: they allocate when they start")
        #expect(malloc_counter_total(threadName) == before)
    }

    /// The canary: work that allocates is counted.
    @Test("an allocation on a compute thread is counted")
    func canary() throws {
        final class Careless: ThreadWork {
            func perform(thread: Int) {
                withExtendedLifetime(ContiguousArray(repeating: thread, count: 64 + thread)) {}
            }
        }
        // The caller's share is not counted under this name.
        let threads = try ComputeThreads(count: 3, name: "careless", work: Careless())
        threads.run()
        let before = malloc_counter_total("careless")
        threads.run()
        // The other share is the caller's.
        #expect(malloc_counter_total("careless") >= before + 1)
        threads.stop()
    }
}
#endif
