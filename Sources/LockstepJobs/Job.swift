public import LockstepData
public import LockstepModels

/// What is trained. Everything in it, and nothing operational, decides the bits of the state.
public struct Job {
    /// How long to train.
    public enum Length: Sendable, Hashable {
        case epochs(Int)
        case steps(Int)
    }

    /// Names the run directory; no part of the digest.
    public var name: String
    public var model: any Module
    public var loss: Loss
    public var optimizer: Optimizer
    public var train: any DataSource
    /// Evaluated once, at the end.
    public var test: (any DataSource)?
    /// Samples of a step over all workers.
    public var batchSize: Int
    public var length: Length
    /// Logical shards of a batch: the greatest number of workers, and part of the arithmetic.
    public var lanes: Int
    public var seed: UInt64

    /// - Parameter lanes: 8 by default, or the batch size if that is smaller.
    public init(
        name: String = "job", model: any Module, loss: Loss, optimizer: Optimizer, train: any DataSource,
        test: (any DataSource)? = nil, batchSize: Int, length: Length, lanes: Int? = nil, seed: UInt64 = 0
    ) {
        self.name = name
        self.model = model
        self.loss = loss
        self.optimizer = optimizer
        self.train = train
        self.test = test
        self.batchSize = batchSize
        self.length = length
        self.lanes = lanes ?? min(8, batchSize)
        self.seed = seed
    }
}
