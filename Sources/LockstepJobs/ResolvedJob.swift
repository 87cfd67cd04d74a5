package import LockstepCore
package import LockstepData
package import LockstepEngine
package import LockstepModels

/// A job with everything in it known: the data opened, the plan compiled. The same value in every process.
package struct ResolvedJob: Sendable {
    package let name: String
    /// Covers model, data contents, transforms, loss, optimizer, batch, length, lanes, seed and the arithmetic version.
    package let digest: Digest
    package let plan: Plan
    package let loss: Loss
    package let optimizer: Optimizer
    /// The optimizer's groups in the plan's layout.
    package let groups: OptimizerGroups
    package let regularization: Regularization
    package let clipping: Clipping?
    package let batchSize: Int
    package let laneTree: LaneTree
    package let seed: UInt64
    package let train: any SampleReader
    /// What happens to images of `train` before each use.
    package let transforms: Transforms
    /// What is evaluated after each epoch: the validation data, or the test data where something watches and there is
    /// none; nil where nothing is.
    package let validation: (any SampleReader)?
    /// What is evaluated once, at the end: the test data.
    package let test: (any SampleReader)?
    package let order: SampleOrder
    package let validationOrder: SampleOrder?
    package let testOrder: SampleOrder?
    /// What evaluations after each epoch decide; not nil exactly where there are such evaluations.
    package let watch: Watch?
    /// How foreign data becomes inputs; goes into snapshots.
    package let preprocessing: Preprocessing
    /// T, the last step.
    package let stepCount: Int
    package let epochCount: Int
    /// What is measured beside the loss.
    package let metrics: MetricSet
    /// Names of the metrics' values, in order.
    package let metricNames: [String]
    package let snapshots: SnapshotPolicy
    /// Steps from one snapshot to the next.
    package let snapshotEverySteps: Int
    /// In every step whose number is a multiple of this a lane is computed twice; 0 for never.
    package let auditEverySteps: Int
    package let traces: TraceSettings
    /// The file of `initialize`, as the job names it.
    package let initialWeightsPath: String?
    /// What the parameters begin as; nil where the seed decides, or once `takeInitialState` has used them.
    private var weights: WeightFile?
    /// The settings as text, a line each: what the digest covers.
    package let description: String

    /// The most sums of a root in a control record.
    private static let greatestSumCount = 4096

    /// - Parameter file: the contents of what the job's sources read, by the paths in the job.
    /// - Throws: `CommandError.usage`.
    package init(_ job: Job, file: (DataPath) throws -> DataFile) throws {
        try job.validate()
        let data = try JobData(job, file: file)
        let plan = try Plan.compile(
            model: job.model, inputShape: data.train.inputShape, loss: job.loss, optimizer: job.optimizer,
            metrics: job.metrics, initialValues: job.initialValues)
        let groups = try OptimizerGroups(job.optimizer, layout: plan.layout)
        let targets = JobTargets(plan: plan, loss: job.loss)
        let train = try targets.adapted(data.train, "data.train")
        let validation = try data.validation.map { try targets.adapted($0, "data.validation") }
        let test = try data.test.map { try targets.adapted($0, "data.test") }
        let metrics = try MetricSet(
            job.metrics ?? Metric.defaults(for: job.loss), loss: job.loss, outputs: plan.metricOutputs)

        // Two more are the loss and the weight.
        guard metrics.sumCount <= ResolvedJob.greatestSumCount - 2 else {
            throw CommandError.usage(
                "metrics: they take \(metrics.sumCount) sums a step; at most \(ResolvedJob.greatestSumCount - 2) fit; leave confusionMatrix out"
            )
        }

        let watch = Watch(
            earlyStopping: job.earlyStopping, schedule: job.optimizer.learningRate, best: job.snapshots.best)
        try watch.validate(names: metrics.names)
        guard !watch.isActive || validation ?? test != nil else {
            throw CommandError.usage(
                "\(job.watching) needs data to judge by after each epoch; add data.validation, for example {split: 0.1}, or data.test"
            )
        }
        let watches = watch.isActive || validation != nil
        let evaluated = watches ? validation ?? test : nil

        let order = SampleOrder(
            count: train.count, batchSize: job.batchSize, seed: job.seed, isShuffled: job.shuffle)
        let stepCount = try job.stepCount(stepsPerEpoch: order.stepsPerEpoch)
        let epochCount = (stepCount + order.stepsPerEpoch - 1) / order.stepsPerEpoch
        let validationOrder = evaluated.map { SampleOrder.evaluation(count: $0.count, batchSize: job.batchSize) }
        guard (validationOrder?.stepsPerEpoch ?? 0) * epochCount < Int(UInt32.max) else {
            throw CommandError.usage("\(epochCount) epochs are too many to evaluate after each; shorten the job")
        }
        let weights = try job.initialize.map { initial in
            try WeightFile(try file(.file(initial.path)), layout: plan.layout)
        }
        let description = job.description(
            train: data.digest, validation: data.validation, test: test, weights: weights?.digest, plan: plan)
        self.name = job.name
        self.digest = DigestBuilder.digest(of: Array(description.utf8))
        self.plan = plan
        self.loss = job.loss
        self.optimizer = job.optimizer
        self.groups = groups
        self.regularization = job.regularization
        self.clipping = job.clipping
        self.batchSize = job.batchSize
        self.laneTree = LaneTree(laneCount: job.lanes)
        self.seed = job.seed
        self.train = train
        self.transforms = job.transforms
        self.validation = evaluated
        self.test = test
        self.order = order
        self.validationOrder = validationOrder
        self.testOrder = test.map { SampleOrder.evaluation(count: $0.count, batchSize: job.batchSize) }
        self.watch = watches ? watch : nil
        self.preprocessing = train.preprocessing.adding(job.transforms)
        self.stepCount = stepCount
        self.epochCount = epochCount
        self.metrics = metrics
        self.metricNames = metrics.names
        self.snapshots = job.snapshots
        self.snapshotEverySteps = job.snapshots.interval(stepsPerEpoch: order.stepsPerEpoch)
        self.auditEverySteps = job.audit.everySteps ?? 0
        self.traces = job.traces
        self.initialWeightsPath = job.initialize?.path
        self.weights = weights
        self.description = description
    }
}

extension ResolvedJob {
    /// S(0). The weights of a file are given up with it: who trains has no more use for them.
    ///
    /// - Throws: `CommandError.failed` where memory does not suffice.
    package mutating func takeInitialState() throws -> FlatState {
        let state = try FlatState(plan: plan, seed: seed, keepsBest: keepsBest)
        weights?.fill(state)
        dropInitialWeights()
        return state
    }

    /// Gives up the memory of weights to begin with, where no state is made of them here.
    package mutating func dropInitialWeights() { weights = nil }

    /// Float64 sums of a root in a control record: loss, weight, then the metrics'.
    package var sumCount: Int { 2 + plan.metricSumCount }

    /// Whether the state keeps the best parameters so far.
    package var keepsBest: Bool { watch?.keepsBest ?? false }

    /// The names of the vectors beside the parameters, in order.
    package var vectorNames: [String] { FlatState.vectorNames(plan.optimizer, keepsBest: keepsBest) }

    /// The update of step `step`, counted from 1.
    ///
    /// - Parameters:
    ///   - totalWeight: the sum of the weights of the batch's samples.
    ///   - plateauFactor: by what a plateau has reduced the rate so far, `WatchState.plateauFactor`.
    package func optimizerStep(
        step: Int, totalWeight: Double, plateauFactor: Double = 1, kernels: Kernels
    ) -> OptimizerStep {
        optimizer.step(
            step, of: stepCount, totalWeight: totalWeight, regularization: regularization, clipping: clipping,
            groups: groups, plateauFactor: plateauFactor, kernels: kernels)
    }

    /// The learning rate of step `step`, counted from 1.
    package func rate(atStep step: Int, plateauFactor: Double = 1, kernels: Kernels) -> Double {
        optimizer.learningRate.rate(atStep: step, of: stepCount, plateauFactor: plateauFactor, kernels: kernels)
    }

    /// Writes a sample of the training data as `epoch`, counted from 1, sees it.
    ///
    /// - Parameters:
    ///   - input: room for `plan.sampleElements` floats.
    ///   - target: room for `plan.targetElements` words.
    package func readForTraining(
        _ sample: Int, epoch: Int, input: UnsafeMutablePointer<Float>, target: UnsafeMutableRawPointer
    ) {
        train.read(sample, input: input, target: target)
        transforms.apply(to: input, shape: plan.inputShape, seed: seed, epoch: epoch, sample: sample)
    }

    /// Writes a sample of `validation` or `test` as evaluations see it.
    package func readForEvaluation(
        _ sample: Int, of reader: any SampleReader, input: UnsafeMutablePointer<Float>, target: UnsafeMutableRawPointer
    ) {
        reader.read(sample, input: input, target: target)
        transforms.applyInEvaluation(to: input, shape: plan.inputShape)
    }

    /// Loss and metrics of a control record's sums: loss, weight, then the metrics'.
    package func measures(of sums: [Double]) -> Measures? { Measures(sums, metrics) }
}
