package import LockstepCore
package import LockstepData
package import LockstepEngine
package import LockstepModels

/// A job's model as evaluation and prediction use it. What was fitted to the training data comes from a snapshot, so
/// that data is not needed.
package struct TrainedModel: Sendable {
    package let plan: Plan
    package let loss: Loss
    package let metrics: MetricSet
    package let laneTree: LaneTree
    package let batchSize: Int
    package let preprocessing: Preprocessing
    private let transforms: Transforms
    private let evaluationSource: (any DataSource)?
    private let evaluationKey: String

    /// - Parameter preprocessing: that of the snapshot, checked.
    /// - Throws: `CommandError.usage`.
    package init(_ job: Job, preprocessing: Preprocessing) throws {
        try job.validate()
        plan = try Plan.compile(
            model: job.model, inputShape: preprocessing.inputShape, loss: job.loss, optimizer: job.optimizer,
            metrics: job.metrics, initialValues: job.initialValues)
        loss = job.loss
        metrics = try MetricSet(
            job.metrics ?? Metric.defaults(for: job.loss), loss: job.loss, outputs: plan.metricOutputs)
        laneTree = LaneTree(laneCount: job.lanes)
        batchSize = job.batchSize
        self.preprocessing = preprocessing
        transforms = job.transforms
        if let test = job.test {
            (evaluationSource, evaluationKey) = (test, "data.test")
        } else if case .source(let source)? = job.validation {
            (evaluationSource, evaluationKey) = (source, "data.validation")
        } else {
            (evaluationSource, evaluationKey) = (nil, "data.test")
        }
    }

    /// How many classes a sample has: 1, or one for each position of a sequence.
    package var positions: Int {
        if case .classSequence(let length) = plan.target { length } else { 1 }
    }

    /// Opens the test data, or the validation data where the job has no other.
    ///
    /// - Throws: `CommandError.usage`.
    package func evaluationData(file: (DataPath) throws -> DataFile) throws -> any SampleReader {
        guard let source = evaluationSource else {
            throw CommandError.usage(
                "the job has no test data; name some with --set, for example --set 'data.test={csv: {path: test.csv, label: y}}'"
            )
        }
        let reader = try source.open(files: try source.paths.map(file), preprocessing: preprocessing)
        guard reader.inputShape == plan.inputShape else {
            throw CommandError.usage(
                "\(evaluationKey): its samples have shape \(reader.inputShape); the model takes \(plan.inputShape)")
        }
        return try JobTargets(plan: plan, loss: loss).adapted(reader, evaluationKey)
    }

    /// Checks the inputs of a model whose first layer looks tokens up.
    ///
    /// - Throws: `CommandError.usage` that names the first input with something else in it.
    package func checkTokens(of inputs: PredictionInputs) throws(CommandError) {
        guard let limit = plan.tokenLimit else { return }
        try inputs.checkTokens(below: limit, inputCount: plan.sampleElements)
    }

    /// Writes a sample of evaluation data as the model takes it.
    package func read(
        _ sample: Int, of reader: any SampleReader, input: UnsafeMutablePointer<Float>, target: UnsafeMutableRawPointer
    ) {
        reader.read(sample, input: input, target: target)
        transforms.applyInEvaluation(to: input, shape: plan.inputShape)
    }
}
