import CLockstepKernels
import LockstepCore
import LockstepData
import LockstepEngine
import LockstepModels

@testable import LockstepJobs

/// A job trained in this process, all lanes by one executor: what a run does, without processes and network.
final class LocalTraining {
    let job: ResolvedJob
    let state: FlatState
    /// The loss of each step, from 1.
    private(set) var losses: [Double] = []
    private let kernels = Kernels.best()
    private let executor: Executor
    private let inputs: UnsafeMutablePointer<Float>
    private let targets: UnsafeMutableRawPointer
    private let gradient: UnsafeMutablePointer<Float>
    private var results: [LaneResult]
    private var metricSums: [Double]
    private var watchState = WatchState()
    /// Samples of the training, where they look the same in every epoch: reading them is slow in a debug build.
    private var known: [Int: ([Float], [UInt32])] = [:]

    init(_ job: ResolvedJob) throws {
        var job = job
        state = try job.takeInitialState()
        self.job = job
        let lanes = job.laneTree.laneCount
        executor = try Executor(
            plan: job.plan, kernels: kernels, lanes: 0..<lanes, laneTree: job.laneTree, batchSize: job.batchSize,
            threads: 2)
        inputs = .allocate(capacity: job.batchSize * job.plan.sampleElements)
        targets = .allocate(byteCount: job.batchSize * job.plan.targetElements * 4, alignment: 64)
        gradient = UnsafeMutableRawPointer.allocate(byteCount: max(64, job.plan.layout.count * 4), alignment: 64)
            .bindMemory(to: Float.self, capacity: job.plan.layout.count)
        results = Array(repeating: LaneResult(), count: lanes)
        metricSums = Array(repeating: 0, count: lanes * job.plan.metricSumCount)
    }

    deinit {
        executor.shutdown()
        inputs.deallocate()
        targets.deallocate()
        gradient.deallocate()
    }

    /// Trains to the end, or until early stopping.
    func train() {
        for step in 1...job.stepCount {
            let epoch = job.order.epoch(ofStep: step)
            let laneStarts = fill(job.order, step: step) { sample, input, target in
                read(sample, epoch: epoch, input, target)
            }
            var pointers = [gradient]
            _ = executor.train(
                parameters: state.parameters, inputs: inputs, targets: targets, laneStarts: laneStarts,
                gradients: &pointers, results: &results, metricSums: &metricSums,
                context: StepContext(seed: job.seed, step: UInt32(step), firstPosition: 0))
            let sums = totals
            losses.append(sums[0] / sums[1])
            let update = job.optimizerStep(
                step: step, totalWeight: sums[1], plateauFactor: watchState.plateauFactor, kernels: kernels)
            executor.update(
                state, optimizer: update, totalGradient: gradient, batchCount: job.order.batchCount(ofStep: step))
            guard let watch = job.watch, step % job.order.stepsPerEpoch == 0 || step == job.stepCount,
                let validation = job.validation, let measures = job.measures(of: evaluate(validation))
            else { continue }
            let outcome = watchState.observe(
                watch, loss: measures.loss, metrics: measures.metrics, step: step)
            if outcome.isImproved { state.keepBest() }
            if outcome.stops { break }
        }
        if job.keepsBest { state.restoreBest() }
    }

    /// Loss, weight and metric sums of a reader.
    func evaluate(_ reader: any SampleReader) -> [Double] {
        let order = SampleOrder.evaluation(count: reader.count, batchSize: job.batchSize)
        var sums = Array(repeating: 0.0, count: job.sumCount)
        for step in 1...order.stepsPerEpoch {
            let laneStarts = fill(order, step: step) { sample, input, target in
                job.readForEvaluation(sample, of: reader, input: input, target: target)
            }
            _ = executor.evaluate(
                parameters: state.parameters, inputs: inputs, targets: targets, laneStarts: laneStarts,
                results: &results, metricSums: &metricSums)
            for (index, value) in totals.enumerated() { sums[index] += value }
        }
        return sums
    }

    func parameter(_ name: String) -> [Float] {
        state.parameterViews.first { $0.name == name }.map { Array($0.elements) } ?? []
    }

    private func read(
        _ sample: Int, epoch: Int, _ input: UnsafeMutablePointer<Float>, _ target: UnsafeMutableRawPointer
    ) {
        let words = target.assumingMemoryBound(to: UInt32.self)
        if let (numbers, bits) = known[sample], job.transforms.steps.isEmpty {
            input.update(from: numbers, count: numbers.count)
            words.update(from: bits, count: bits.count)
            return
        }
        job.readForTraining(sample, epoch: epoch, input: input, target: target)
        known[sample] = (
            Array(UnsafeBufferPointer(start: input, count: job.plan.sampleElements)),
            Array(UnsafeBufferPointer(start: words, count: job.plan.targetElements))
        )
    }

    private func fill(
        _ order: SampleOrder, step: Int, read: (Int, UnsafeMutablePointer<Float>, UnsafeMutableRawPointer) -> Void
    ) -> [UInt32] {
        let count = order.batchCount(ofStep: step)
        for (row, sample) in order.samples(step: step, positions: 0..<count).enumerated() {
            read(sample, inputs + row * job.plan.sampleElements, targets + row * job.plan.targetElements * 4)
        }
        let lanes = job.laneTree.laneCount
        return (0..<lanes).map { UInt32(LanePositions.range(lane: $0, of: lanes, batch: count).lowerBound) }
            + [UInt32(count)]
    }

    /// The sums of the last batch; the order of additions is no matter here.
    private var totals: [Double] {
        let count = job.plan.metricSumCount
        var sums = [results.reduce(0) { $0 + $1.loss }, results.reduce(0) { $0 + $1.weight }]
        for index in 0..<count {
            sums.append((0..<results.count).reduce(0) { $0 + metricSums[$1 * count + index] })
        }
        return sums
    }
}
