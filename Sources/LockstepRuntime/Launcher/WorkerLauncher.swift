internal import LockstepCore
internal import LockstepData
internal import LockstepEngine
internal import LockstepWire
internal import Logging
internal import Tracing

/// `lockstep worker`: one worker, which learns everything else from its coordinator.
package struct WorkerLauncher {
    private let join: String
    private let identity: String
    private let threads: Int?
    private let data: String
    private let listen: String?
    private let advertise: String?
    private let patience: String
    private let grace: String
    private let cores: String?
    private let allowsClear: Bool

    /// - Parameters:
    ///   - identity: a directory, or "-" for standard input.
    ///   - cores: the numbers of the cores to run on, joined by commas; nil for all.
    ///   - patience: a number of seconds, minutes or hours: `30s`, `10m`, `1h`.
    ///   - grace: how long it may take to hand over after SIGTERM, in the same form.
    ///   - allowsClear: whether it takes part in measurements without TLS.
    package init(
        join: String, identity: String, threads: Int?, data: String, listen: String?, advertise: String?,
        patience: String, grace: String = "30s", cores: String?, allowsClear: Bool = false
    ) {
        self.join = join
        self.identity = identity
        self.threads = threads
        self.data = data
        self.listen = listen
        self.advertise = advertise
        self.patience = patience
        self.grace = grace
        self.cores = cores
        self.allowsClear = allowsClear
    }

    /// - Throws: `CommandError` with the exit code, unless that is 0.
    package func run() async throws {
        try Launch.check(threads: threads)
        if let cores { try Machine.run(onCores: cores) }
        let kernels = try Launch.checkInstructionSet()
        let endpoint = try Endpoint(join, option: "--join")
        let listen = try listen.map { text throws(CommandError) in try Endpoint(text, option: "--listen") }
        let advertise = try advertise.map { text throws(CommandError) in try Endpoint(text, option: "--advertise") }
        let patience = try DurationText.seconds(patience, option: "--patience")
        let grace = try DurationText.seconds(grace, option: "--grace")
        _ = try DataDirectory(root: data)
        let isLaunched = identity == "-"
        let identity = isLaunched ? try IdentityPipe.read() : try Identity(directory: identity)
        if isLaunched { try IdentityPipe.dieWithLauncher() }
        let status = ProcessStatus()
        let sinks = LogSinks([.standardError(level: .info)])
        let logger = Launch.logger("worker", sinks, status.metadataProvider)
        var settings = WorkerSettings(
            identity: identity, coordinator: endpoint, threads: threads, dataDirectory: data,
            listen: listen, advertise: advertise, patience: patience, kernels: kernels, status: status, logger: logger,
            sinks: isLaunched ? nil : sinks, tracer: InstrumentationSystem.tracer)
        settings.grace = grace
        settings.allowsClear = allowsClear
        settings.hasOwnCores = cores != nil
        let worker = WorkerService(settings)
        await CommandServices.run([worker], limit: grace + 5, logger: Launch.quietLogger)
        try Launch.end(worker.outcome)
    }
}
