package import LockstepWire
package import Logging
package import Tracing

/// What a coordinator is told when it starts.
package struct CoordinatorSettings: Sendable {
    package var job: PreparedJob
    package var identity: Identity
    package var listen: Endpoint
    package var workers: Int
    package var placement: RunPlacement
    package var output: RunOutput
    package var logger: Logger
    /// What the program gave to `InstrumentationSystem`; one that does nothing for Lockstep's own.
    package var tracer: any Tracing.Tracer
    /// The last lines that a worker's process wrote, where this process started it; nil where workers send them.
    package var lastLines: (@Sendable (String) -> [String])?

    package init(
        job: PreparedJob, identity: Identity, listen: Endpoint, workers: Int, placement: RunPlacement = .new(nil),
        output: RunOutput, logger: Logger, tracer: any Tracing.Tracer,
        lastLines: (@Sendable (String) -> [String])? = nil
    ) {
        self.job = job
        self.identity = identity
        self.listen = listen
        self.workers = workers
        self.placement = placement
        self.output = output
        self.logger = logger
        self.tracer = tracer
        self.lastLines = lastLines
    }
}
