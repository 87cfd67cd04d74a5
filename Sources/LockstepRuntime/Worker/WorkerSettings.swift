package import LockstepCluster
internal import LockstepCore
package import LockstepEngine
package import LockstepWire
package import Logging
package import Tracing

/// What a worker process is told when it starts.
package struct WorkerSettings: Sendable {
    package var identity: Identity
    package var coordinator: Endpoint
    /// Compute threads; nil for as many as cores.
    package var threads: Int?
    /// Data files are opened only beneath this directory.
    package var dataDirectory: String
    /// Where other workers connect; nil for the local address of the control connection.
    package var listen: Endpoint?
    /// What other workers are told to dial; nil for the address listened on.
    package var advertise: Endpoint?
    /// Seconds to go on trying to reach the coordinator.
    package var patience: Double
    /// Seconds after SIGTERM in which it may hand over what it has in hand.
    package var grace = 30.0
    package var kernels: Kernels
    /// Whether it was told the cores it runs on; else the workers of a host share its cores out among them.
    package var hasOwnCores = false
    /// Whether its data links have no TLS: it takes part in measurements only.
    package var allowsClear = false
    package var timing = WorkerCore.Timing()
    package var dialTiming = DialQueue.Timing()
    /// Of data links.
    package var linkLimits = LinkLimits()
    package var status: ProcessStatus
    package var logger: Logger
    /// The sinks behind `logger`: one that sends lines to the coordinator joins them. nil where a launcher reads them.
    package var sinks: LogSinks?
    package var tracer: any Tracing.Tracer

    package init(
        identity: Identity, coordinator: Endpoint, threads: Int?, dataDirectory: String, listen: Endpoint? = nil,
        advertise: Endpoint? = nil, patience: Double, kernels: Kernels, status: ProcessStatus = ProcessStatus(),
        logger: Logger, sinks: LogSinks? = nil, tracer: any Tracing.Tracer
    ) {
        self.identity = identity
        self.coordinator = coordinator
        self.threads = threads
        self.dataDirectory = dataDirectory
        self.listen = listen
        self.advertise = advertise
        self.patience = patience
        self.kernels = kernels
        self.status = status
        self.logger = logger
        self.sinks = sinks
        self.tracer = tracer
    }
}
