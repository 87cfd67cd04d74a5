public import LockstepData
public import LockstepModels

/// What is trained. Everything in it but the name, the snapshots, the audit and the traces decides the bits of the state.
public struct Job: Sendable {
    /// How long to train.
    public enum Length: Sendable, Hashable {
        case epochs(Int)
        case steps(Int)
    }

    /// Where the samples come from that training never learns from and that are evaluated after each epoch.
    public enum Validation: Sendable {
        case source(any DataSource)
        /// A part of the training data, above 0 and below 1, chosen by key.
        case split(Double)
    }

    /// Names the run directory; no part of the digest.
    public var name: String
    public var model: any Module
    public var loss: Loss
    public var optimizer: Optimizer
    /// What is reported beside the loss; nil for what suits the loss.
    public var metrics: [Metric]?
    public var train: any DataSource
    /// What happens to images of the training before each use.
    public var transforms: Transforms
    public var validation: Validation?
    /// Evaluated once, at the end; after each epoch too where something watches and there is no validation data.
    public var test: (any DataSource)?
    /// Samples of a step over all workers.
    public var batchSize: Int
    public var length: Length
    /// Logical shards of a batch: the greatest number of workers, and part of the arithmetic.
    public var lanes: Int
    public var seed: UInt64
    /// Whether each epoch has an order of its own; otherwise samples come as they stand.
    public var shuffle: Bool
    public var regularization: Regularization
    public var clipping: Clipping?
    public var earlyStopping: EarlyStopping?
    /// How parameters start that do not start as PyTorch's.
    public var initialValues: [InitialValues]
    /// Where the parameters begin; nil for values that the seed decides.
    public var initialize: InitialWeights?
    public var snapshots: SnapshotPolicy
    public var audit: LaneAuditPolicy
    public var traces: TraceSettings

    /// A job of so many epochs.
    ///
    /// - Parameters:
    ///   - batchSize: samples of a step over all workers.
    ///   - lanes: 8 by default, or the batch size if that is smaller.
    public init(
        name: String = "job", model: any Module, loss: Loss, optimizer: Optimizer, metrics: [Metric]? = nil,
        train: any DataSource, transforms: Transforms = Transforms(), validation: Validation? = nil,
        test: (any DataSource)? = nil, batchSize: Int, epochs: Int, lanes: Int? = nil, seed: UInt64 = 0,
        shuffle: Bool = true, regularization: Regularization = Regularization(), clipping: Clipping? = nil,
        earlyStopping: EarlyStopping? = nil, initialValues: [InitialValues] = [],
        initialize: InitialWeights? = nil, snapshots: SnapshotPolicy = SnapshotPolicy(),
        audit: LaneAuditPolicy = LaneAuditPolicy(), traces: TraceSettings = TraceSettings()
    ) {
        self.init(
            name: name, model: model, loss: loss, optimizer: optimizer, metrics: metrics, train: train,
            transforms: transforms, validation: validation, test: test, batchSize: batchSize,
            length: .epochs(epochs), lanes: lanes, seed: seed, shuffle: shuffle, regularization: regularization,
            clipping: clipping, earlyStopping: earlyStopping, initialValues: initialValues,
            initialize: initialize, snapshots: snapshots, audit: audit, traces: traces)
    }

    /// A job that lasts `.epochs(…)` or `.steps(…)`.
    ///
    /// - Parameters:
    ///   - batchSize: samples of a step over all workers.
    ///   - lanes: 8 by default, or the batch size if that is smaller.
    public init(
        name: String = "job", model: any Module, loss: Loss, optimizer: Optimizer, metrics: [Metric]? = nil,
        train: any DataSource, transforms: Transforms = Transforms(), validation: Validation? = nil,
        test: (any DataSource)? = nil, batchSize: Int, length: Length, lanes: Int? = nil, seed: UInt64 = 0,
        shuffle: Bool = true, regularization: Regularization = Regularization(), clipping: Clipping? = nil,
        earlyStopping: EarlyStopping? = nil, initialValues: [InitialValues] = [],
        initialize: InitialWeights? = nil, snapshots: SnapshotPolicy = SnapshotPolicy(),
        audit: LaneAuditPolicy = LaneAuditPolicy(), traces: TraceSettings = TraceSettings()
    ) {
        self.name = name
        self.model = model
        self.loss = loss
        self.optimizer = optimizer
        self.metrics = metrics
        self.train = train
        self.transforms = transforms
        self.validation = validation
        self.test = test
        self.batchSize = batchSize
        self.length = length
        self.lanes = lanes ?? min(8, batchSize)
        self.seed = seed
        self.shuffle = shuffle
        self.regularization = regularization
        self.clipping = clipping
        self.earlyStopping = earlyStopping
        self.initialValues = initialValues
        self.initialize = initialize
        self.snapshots = snapshots
        self.audit = audit
        self.traces = traces
    }
}
