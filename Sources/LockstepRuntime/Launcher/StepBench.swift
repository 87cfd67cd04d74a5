internal import LockstepCluster
internal import LockstepCore
internal import LockstepFormats
internal import LockstepJobs
internal import Synchronization

/// `lockstep bench step`: how fast a job trains on this machine, and what tracing costs it.
package struct StepBench {
    /// What is run, and how it is shown.
    package struct Options: Sendable {
        package var job: String?
        package var overrides: [String]
        package var workers: Int?
        package var threads: Int?
        /// Between each pair of workers; nil for as many as a measurement says.
        package var links: Int?
        /// Of a bucket of gradients; nil for what a measurement says.
        package var bucketBytes: Int?
        /// So many times the job is run with traces and without, in turn; 0 for one run.
        package var pairs: Int
        /// Whether the one run is traced.
        package var traces: Bool
        /// Whether the operations of a step are shown.
        package var profile: Bool
        package var json: Bool

        package init(
            job: String?, overrides: [String], workers: Int?, threads: Int?, links: Int? = nil, bucketBytes: Int? = nil,
            pairs: Int, traces: Bool, profile: Bool, json: Bool
        ) {
            self.job = job
            self.overrides = overrides
            self.workers = workers
            self.threads = threads
            self.links = links
            self.bucketBytes = bucketBytes
            self.pairs = pairs
            self.traces = traces
            self.profile = profile
            self.json = json
        }
    }

    private let options: Options

    package init(_ options: Options) { self.options = options }

    /// - Throws: `CommandError`.
    package func run() async throws {
        guard (0...1000).contains(options.pairs) else {
            throw CommandError.usage("--pairs \(options.pairs): give 0 to 1000")
        }
        guard options.pairs == 0 else { return try await compareTraces() }
        show(try await measured(traced: options.traces))
        if options.profile { try profile() }
    }

    private func profile() throws {
        let job = try PreparedJob(path: options.job, overrides: options.overrides).job
        let (threads, kernels) = (options.threads ?? 1, try Launch.checkInstructionSet())
        let profile = try DetachedThread.perform("profile") { try StepProfile(job, threads: threads, kernels: kernels) }
        for line in options.json ? profile.values.map(\.text) : profile.lines { StandardStreams.write(line) }
    }

    private func show(_ run: MeasuredRun) {
        let name = run.job
        if options.json {
            let value: JSONValue = [
                "event": "benchStep", "job": .string(name), "workers": .number(run.workers),
                "threads": .number(run.threads), "batch": .number(run.batch), "lanes": .number(run.lanes),
                "traces": .bool(options.traces), "steps": .number(run.seconds.count),
                "samplesPerSecond": .number(Double(run.batch) / run.median), "milliseconds": .number(run.median * 1000),
                "meanSamplesPerSecond": .number(Double(run.batch) / run.mean),
            ]
            StandardStreams.write(value.text)
            return
        }
        let workers = "\(run.workers) \(run.workers == 1 ? "worker" : "workers")"
        let threads = "\(run.threads) \(run.threads == 1 ? "thread" : "threads")"
        StandardStreams.write(
            "\(name.escapedForDisplay()): batch \(run.batch) in \(run.lanes) lanes, \(workers) of \(threads): "
                + "\(NumberText.fixed(run.median * 1000, 3)) ms a step, "
                + "\(NumberText.grouped(Double(run.batch) / run.median)) samples/s "
                + "(median of \(NumberText.grouped(run.seconds.count)) steps)")
    }

    // MARK: Traces

    private func compareTraces() async throws {
        var ratios: [Double] = []
        for pair in 1...options.pairs {
            // Who goes first takes turns, so that a machine that slows down favours neither.
            let isTracedFirst = pair.isMultiple(of: 2)
            let first = try await measured(traced: isTracedFirst).samplesPerSecond
            let second = try await measured(traced: !isTracedFirst).samplesPerSecond
            let (on, off) = isTracedFirst ? (first, second) : (second, first)
            ratios.append(on / off)
            show(pair: pair, on: on, off: off)
        }
        let median = MeasuredRun.median(ratios)
        StandardStreams.write(
            options.json
                ? JSONValue(
                    dictionaryLiteral: ("event", "traces"), ("pairs", .number(options.pairs)),
                    ("medianRatio", .number(median))
                ).text
                : "median of \(options.pairs) pairs: traced runs reach \(NumberText.fixed(median * 100, 2)) % of the throughput of untraced ones"
        )
    }

    private func show(pair: Int, on: Double, off: Double) {
        if options.json {
            let value: JSONValue = [
                "event": "pair", "pair": .number(pair), "on": .number(on), "off": .number(off),
                "ratio": .number(on / off),
            ]
            StandardStreams.write(value.text)
        } else {
            StandardStreams.write(
                "pair \(pair): on \(NumberText.grouped(on)), off \(NumberText.grouped(off)) samples/s, ratio \(NumberText.fixed(on / off, 4))"
            )
        }
    }

    // MARK: A run

    /// One run of the job into a directory that is removed afterwards.
    private func measured(traced: Bool) async throws -> MeasuredRun {
        // A snapshot on the way is no part of a step.
        let overrides = options.overrides + ["traces.off=\(!traced)", "snapshots.everySteps=\(1 << 31)"]
        let job = try PreparedJob(path: options.job, overrides: overrides).job
        let workers = options.workers ?? Launch.defaultWorkers(lanes: job.laneTree.laneCount)
        let threads = options.threads ?? max(1, Machine.cores / max(1, workers))
        let lanes = job.laneTree.laneCount
        guard options.threads == nil || workers * threads <= lanes else {
            throw CommandError.usage(
                "--threads \(threads): a thread computes whole lanes, and \(lanes) do not suffice for \(workers) workers; "
                    + "give --lanes \(workers * threads) or more")
        }
        let lines = Mutex<[String]>([])
        try await LocalCluster.withTemporaryDirectory { directory in
            try await TrainLauncher(
                job: options.job, overrides: overrides, placement: .new(directory), workers: workers,
                threads: min(threads, lanes),
                exchange: ExchangeWish(links: options.links, bucketBytes: options.bucketBytes),
                output: RunOutput(
                    json: true, result: { line in lines.withLock { $0.append(line) } }, progress: { _ in })
            ).run()
        }
        return try MeasuredRun(
            lines.withLock { $0 }, of: job, workers: workers, threads: min(threads, lanes))
    }
}
