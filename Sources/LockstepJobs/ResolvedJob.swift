package import LockstepCore
package import LockstepData
package import LockstepEngine
package import LockstepModels

/// A job with everything in it known: the data opened, the plan compiled. The same value in every process.
package struct ResolvedJob: Sendable {
    package let name: String
    /// Covers model, data contents, loss, optimizer, batch, length, lanes, seed and the arithmetic version.
    package let digest: Digest
    package let plan: Plan
    package let optimizer: Optimizer
    package let batchSize: Int
    package let laneTree: LaneTree
    package let seed: UInt64
    package let train: any SampleReader
    package let test: (any SampleReader)?
    package let order: SampleOrder
    package let testOrder: SampleOrder?
    /// T, the last step.
    package let stepCount: Int
    package let epochCount: Int
    /// The settings as text, a line each: what the digest covers.
    package let description: String

    /// Names of what is measured beside the loss, in order.
    package static let metricNames = ["accuracy"]

    /// - Parameter contents: the bytes of the job's files by the names in the job.
    /// - Throws: `CommandError.usage`.
    package init(_ job: Job, contents: (String) throws -> [UInt8]) throws {
        try job.optimizer.validate()
        let train = try ResolvedJob.open(job.train, contents: contents)
        let test = try job.test.map { try ResolvedJob.open($0, contents: contents) }
        let plan = try Plan.compile(
            model: job.model, inputShape: train.inputShape, loss: job.loss, optimizer: job.optimizer)
        try ResolvedJob.checkLabels(of: train, "data.train", plan: plan)
        if let test {
            guard test.inputShape == train.inputShape else {
                throw CommandError.usage(
                    "data.test: its samples have shape \(test.inputShape), those of data.train \(train.inputShape); give both the same shape"
                )
            }
            try ResolvedJob.checkLabels(of: test, "data.test", plan: plan)
        }
        let order = SampleOrder.training(count: train.count, batchSize: job.batchSize, seed: job.seed)
        let (stepCount, length): (Int, String) =
            switch job.length {
            case .epochs(let epochs): (epochs * order.stepsPerEpoch, "epochs \(epochs)")
            case .steps(let steps): (steps, "steps \(steps)")
            }
        guard stepCount <= Int(UInt32.max) / 2 else {
            throw CommandError.usage("\(stepCount) steps are too many; shorten epochs or enlarge batchSize")
        }
        let description = """
            lockstep job 1
            arithmetic \(Plan.arithmeticVersion)
            loss \(job.loss)
            optimizer \(job.optimizer)
            train \(train.contentDigest)
            test \(test.map { $0.contentDigest.description } ?? "none")
            batchSize \(job.batchSize)
            lanes \(job.lanes)
            \(length)
            seed \(job.seed)
            model

            """ + plan.modelDescription
        self.name = job.name
        self.digest = DigestBuilder.digest(of: Array(description.utf8))
        self.plan = plan
        self.optimizer = job.optimizer
        self.batchSize = job.batchSize
        self.laneTree = LaneTree(laneCount: job.lanes)
        self.seed = job.seed
        self.train = train
        self.test = test
        self.order = order
        self.testOrder = test.map { SampleOrder.evaluation(count: $0.count, batchSize: job.batchSize) }
        self.stepCount = stepCount
        self.epochCount = (stepCount + order.stepsPerEpoch - 1) / order.stepsPerEpoch
        self.description = description
    }

    private static func open(
        _ source: any DataSource, contents: (String) throws -> [UInt8]
    ) throws -> any SampleReader {
        try source.open(files: try source.files.map { DataFile(name: $0, bytes: try contents($0)) })
    }

    private static func checkLabels(of reader: any SampleReader, _ key: String, plan: Plan) throws {
        guard reader.classCount <= plan.classes else {
            throw CommandError.usage(
                "\(key): label \(reader.classCount - 1) of sample \(reader.greatestLabelSample) is out of range: the model has \(plan.classes) outputs (labels 0 to \(plan.classes - 1)); give its last layer at least \(reader.classCount)"
            )
        }
    }
}
