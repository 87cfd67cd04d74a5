internal import LockstepCluster
internal import LockstepCollectives
package import LockstepCore
internal import LockstepEngine
internal import LockstepFormats
internal import LockstepJobs
internal import LockstepWire
internal import Logging
internal import Tracing

/// `lockstep bench allreduce`: how long vectors of several sizes take to be summed over all workers, by the code that
/// carries gradients in a step.
package struct AllReduceBench {
    package struct Options: Sendable {
        /// nil for as many as `train` takes.
        package var workers: Int?
        /// `1K,256K,4M`; nil for 1 KiB to 256 MiB.
        package var sizes: String?
        /// Counted rounds of each size; nil for as many as the size allows.
        package var rounds: Int?
        package var isClear: Bool
        package var links: Int
        package var isAwake: Bool
        /// Where workers of other machines come to, `HOST:PORT`, with the coordinator's identity directory; nil for
        /// workers on this machine.
        package var listen: String?
        package var identity: String?
        package var json: Bool

        package init(
            workers: Int?, sizes: String?, rounds: Int?, isClear: Bool, links: Int, isAwake: Bool, listen: String?,
            identity: String?, json: Bool
        ) {
            self.workers = workers
            self.sizes = sizes
            self.rounds = rounds
            self.isClear = isClear
            self.links = links
            self.isAwake = isAwake
            self.listen = listen
            self.identity = identity
            self.json = json
        }
    }

    private static let mostWorkers = 4096
    private static let mostRounds = 10_000
    /// Bytes that the counted rounds of a size carry, about.
    private static let budget = 300_000_000

    private let options: Options
    private let workers: Int
    private let trials: [Trial]

    /// - Throws: `CommandError.usage`.
    package init(_ options: Options) throws(CommandError) {
        let workers = options.workers ?? max(2, Machine.cores)
        guard (2...AllReduceBench.mostWorkers).contains(workers) else {
            throw .usage("--workers \(workers): give 2 to \(AllReduceBench.mostWorkers)")
        }
        guard (1...ExchangeSettings.mostLinks).contains(options.links) else {
            throw .usage("--links \(options.links): give 1 to \(ExchangeSettings.mostLinks)")
        }
        if let rounds = options.rounds, !(1...AllReduceBench.mostRounds).contains(rounds) {
            throw .usage("--rounds \(rounds): give 1 to \(AllReduceBench.mostRounds)")
        }
        guard (options.listen == nil) == (options.identity == nil) else {
            throw .usage(
                options.listen == nil
                    ? "--identity: it is for workers of other machines; give --listen or --join too"
                    : "--listen: workers of other machines need to know who listens; give --identity too")
        }
        self.options = options
        self.workers = workers
        trials = try (options.sizes.map(VectorSizes.read) ?? VectorSizes.usual).map { bytes in
            AllReduceBench.trial(bytes: bytes, workers: workers, options)
        }
    }

    private static func trial(bytes: Int, workers: Int, _ options: Options) -> Trial {
        let floats = bytes / 4
        let rounds = options.rounds ?? max(5, min(1000, budget / bytes))
        return Trial(
            settings: ExchangeSettings(
                chunkBytes: ExchangeSettings.chunkBytes(floats: floats / options.links, members: workers),
                links: options.links, staysAwake: options.isAwake),
            elementCount: floats, rounds: rounds, warmUpRounds: max(2, min(100, rounds / 10)))
    }

    /// - Throws: `CommandError` with the exit code, unless that is 0.
    package func run() async throws {
        let job = try PreparedJob(source)
        if !options.json { StandardStreams.write("\(description)\n\(AllReduceRow.heading)") }
        try await LocalCluster.withTemporaryDirectory { directory in
            if let listen = options.listen, let identity = options.identity {
                try await serve(job, at: listen, identity: identity, in: directory)
            } else {
                try await LocalCluster(
                    job: job, workers: workers, threads: max(1, Machine.cores / workers), placement: .new(directory),
                    output: output, purpose: purpose, exchange: ExchangeWish(links: options.links),
                    workerCommand: ["bench", "allreduce"] + (options.isClear ? ["--clear"] : []), measured: show
                ).run()
            }
        }
    }

    /// Waits for workers that come by themselves.
    private func serve(_ job: PreparedJob, at listen: String, identity: String, in directory: String) async throws {
        var settings = CoordinatorSettings(
            job: job, identity: try Identity(directory: identity), listen: try Endpoint(listen, option: "--listen"),
            workers: workers, placement: .new(directory), output: output,
            logger: Launch.logger("coordinator", LogSinks([Launch.terminalSink(level: .info)])),
            tracer: InstrumentationSystem.tracer)
        settings.purpose = purpose
        settings.exchange = ExchangeWish(links: options.links)
        settings.measured = show
        let coordinator = try await CoordinatorService(settings)
        await CommandServices.run([coordinator], logger: Launch.quietLogger)
        try Launch.end(coordinator.outcome)
    }

    private var purpose: CoordinatorConfiguration.Purpose { .trials(trials, isClear: options.isClear) }

    private var output: RunOutput { RunOutput(json: options.json, result: { _ in }, progress: { _ in }) }

    /// Workers prepare a job before anything else: the smallest one, a lane for each.
    private var source: JobSource {
        JobSource(
            fileName: "bench allreduce", fileDirectory: "/", currentDirectory: "/",
            text: """
                name: allreduce
                model: [flatten, linear: 2]
                loss: softmaxCrossEntropy
                optimizer: {sgd: {learningRate: 0.1}}
                data: {train: {randomImages: {count: \(workers), height: 1, width: 1, channels: 1, classes: 2}}}
                batchSize: \(workers)
                lanes: \(workers)
                steps: 1
                traces: {off: true}
                """)
    }

    private var show: @Sendable (TrialResult) -> Void {
        { [options, congestionControl] result in
            let row = AllReduceRow(result)
            StandardStreams.write(
                options.json
                    ? row.value(
                        transport: options.isClear ? "clear" : "tls", links: options.links, isAwake: options.isAwake,
                        congestionControl: congestionControl
                    ).text : row.line)
        }
    }

    /// Of the data links; nil where they leave this machine and its system decides.
    private var congestionControl: String? { options.listen == nil ? CongestionControl.ofLoopback : nil }

    private var description: String {
        let transport = options.isClear ? "without TLS" : "mutual TLS 1.3"
        let links = "\(options.links) \(options.links == 1 ? "link" : "links") a pair"
        let control = congestionControl.map { ", \($0)" } ?? ""
        return
            "\(workers) workers, \(transport)\(control), \(links), event loops \(options.isAwake ? "awake" : "asleep") "
            + "while they wait; sums are checked before they are timed. Processor: of the worker that needs most."
    }
}
