internal import CLockstepKernels
internal import LockstepCore
internal import LockstepData
internal import LockstepEngine
internal import LockstepJobs
internal import LockstepModels

/// Runs a trained model forward over data, all lanes in this process. The lanes, the batches and the tree are the
/// training's, so an evaluation has the digits of the training's own.
final class ModelRunner {
    private let model: TrainedModel
    private let state: FlatState
    private let kernels: Kernels
    private let executor: Executor
    private let inputs: FloatMemory
    /// As floats take as much room as classes.
    private let targets: FloatMemory
    private let outputs: FloatMemory
    private var laneStarts: [UInt32]
    private var results: [LaneResult]
    private var metricSums: [Double]

    /// - Throws: `CommandError` where memory or threads do not suffice.
    init(_ model: TrainedModel, state: FlatState, kernels: Kernels, threads: Int) throws {
        let (plan, lanes) = (model.plan, model.laneTree.laneCount)
        self.model = model
        self.state = state
        self.kernels = kernels
        executor = try Executor(
            plan: plan, kernels: kernels, lanes: 0..<lanes, laneTree: model.laneTree, batchSize: model.batchSize,
            threads: threads)
        inputs = FloatMemory(count: model.batchSize * plan.sampleElements)
        targets = FloatMemory(count: model.batchSize * plan.targetElements)
        outputs = FloatMemory(count: model.batchSize * plan.outputElements)
        laneStarts = Array(repeating: 0, count: lanes + 1)
        results = Array(repeating: LaneResult(), count: lanes)
        metricSums = Array(repeating: 0, count: lanes * plan.metricSumCount)
        ls_prepare_thread()
    }

    deinit { executor.shutdown() }

    /// Loss, weight and the metrics' sums over all samples.
    func evaluate(_ reader: any SampleReader) -> [Double] {
        let order = SampleOrder.evaluation(count: reader.count, batchSize: model.batchSize)
        var sums: [Double] = []
        for step in 1...order.stepsPerEpoch {
            let samples = order.positionsInEpoch(ofStep: step)
            for (row, sample) in samples.enumerated() {
                model.read(
                    sample, of: reader, input: inputs.pointer + row * model.plan.sampleElements,
                    target: targets.pointer + row * model.plan.targetElements)
            }
            run(rows: samples.count)
            let batch = batchSums
            sums = sums.isEmpty ? batch : zip(sums, batch).map { $0 + $1 }
        }
        return sums
    }

    /// What the model gives for each input, one after the other: probabilities, or values.
    func predict(_ data: PredictionInputs) -> [Float] {
        let plan = model.plan
        var predicted: [Float] = []
        predicted.reserveCapacity(data.count * plan.outputElements)
        for first in stride(from: 0, to: data.count, by: model.batchSize) {
            let rows = min(model.batchSize, data.count - first)
            for row in 0..<rows { data.read(first + row, input: inputs.pointer + row * plan.sampleElements) }
            run(rows: rows)
            let positions = model.positions
            model.loss.finishPrediction(
                rows: rows * positions, count: plan.outputElements / positions, outputs.pointer, kernels: kernels)
            predicted += UnsafeBufferPointer(start: outputs.pointer, count: rows * plan.outputElements)
        }
        return predicted
    }

    /// What the model gives for one input, before the loss makes probabilities of it. Valid until the next run.
    func outputs(of input: [Float]) -> UnsafeMutableBufferPointer<Float> {
        inputs.pointer.update(from: input, count: model.plan.sampleElements)
        run(rows: 1)
        return UnsafeMutableBufferPointer(start: outputs.pointer, count: model.plan.outputElements)
    }

    private func run(rows: Int) {
        let lanes = model.laneTree.laneCount
        for lane in 0..<lanes {
            laneStarts[lane] = UInt32(LanePositions.range(lane: lane, of: lanes, batch: rows).lowerBound)
        }
        laneStarts[lanes] = UInt32(rows)
        _ = executor.evaluate(
            parameters: state.parameters, inputs: inputs.pointer, targets: targets.pointer, laneStarts: laneStarts,
            results: &results, metricSums: &metricSums, outputs: outputs.pointer)
    }

    /// The lanes' sums of the last batch, added by the tree.
    private var batchSums: [Double] {
        let count = model.plan.metricSumCount
        var values = results.enumerated().map { lane, result in
            [result.loss, result.weight] + metricSums[lane * count..<(lane + 1) * count]
        }
        let lanes = values.indices.map { LaneTree.Node($0..<$0 + 1) }
        for addition in model.laneTree.additions(of: lanes, to: model.laneTree.root) ?? [] {
            for index in values[addition.into].indices { values[addition.into][index] += values[addition.from][index] }
        }
        return values[0]
    }
}
