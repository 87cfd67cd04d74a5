package import LockstepCluster
internal import LockstepCollectives
package import LockstepWire
package import Logging
package import Tracing

/// What a coordinator is told when it starts.
package struct CoordinatorSettings: Sendable {
    package var job: PreparedJob
    package var identity: Identity
    package var listen: Endpoint
    package var workers: Int
    package var purpose: CoordinatorConfiguration.Purpose
    /// How gradients are to travel, as far as that is not to be measured.
    package var exchange: ExchangeWish
    package var endurance = RunEndurance()
    package var timing = CoordinatorConfiguration.Timing()
    package var placement: RunPlacement
    /// nil where nobody can be denied, since the authority ends with the run.
    package var denied: DenyListPlace?
    package var output: RunOutput
    package var logger: Logger
    /// Whether workers may go on when this process dies, so that its successor finds them at work.
    package var workersOutliveIt = true
    /// What the program gave to `InstrumentationSystem`; one that does nothing for Lockstep's own.
    package var tracer: any Tracing.Tracer
    /// The last lines that a worker's process wrote, where this process started it; nil where workers send them.
    package var lastLines: (@Sendable (String) -> [String])?
    /// Hears of each trial when all workers have answered.
    package var measured: (@Sendable (TrialResult) -> Void)?
    /// Hears what was chosen.
    package var tuned: (@Sendable (TunedExchange) -> Void)?

    package init(
        job: PreparedJob, identity: Identity, listen: Endpoint, workers: Int,
        purpose: CoordinatorConfiguration.Purpose = .training, exchange: ExchangeWish = ExchangeWish(),
        placement: RunPlacement = .new(nil), output: RunOutput, logger: Logger, tracer: any Tracing.Tracer,
        lastLines: (@Sendable (String) -> [String])? = nil, measured: (@Sendable (TrialResult) -> Void)? = nil,
        tuned: (@Sendable (TunedExchange) -> Void)? = nil
    ) {
        self.job = job
        self.identity = identity
        self.listen = listen
        self.workers = workers
        self.purpose = purpose
        self.exchange = exchange
        self.placement = placement
        self.output = output
        self.logger = logger
        self.tracer = tracer
        self.lastLines = lastLines
        self.measured = measured
        self.tuned = tuned
    }

    /// How many links to each other a worker is to offer.
    var offeredLinks: ClosedRange<Int> {
        if case .trials(let trials, _) = purpose {
            let most = max(1, trials.map(\.settings.links).max() ?? 1)
            return most...most
        }
        return workers > 1 ? exchange.offeredLinks : 1...1
    }
}
