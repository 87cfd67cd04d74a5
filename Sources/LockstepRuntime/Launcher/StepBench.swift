internal import LockstepCore
internal import LockstepFormats
internal import Synchronization

#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

/// `lockstep bench step`: how fast a job trains on this machine, and what tracing costs it.
package struct StepBench {
    private let job: String?
    private let overrides: [String]
    private let workers: Int?
    private let threads: Int?
    private let pairs: Int
    private let traces: Bool
    private let json: Bool

    /// - Parameters:
    ///   - pairs: so many times the job is run with traces and without, in turn; 0 for one run.
    ///   - traces: whether the one run is traced.
    package init(
        job: String?, overrides: [String], workers: Int?, threads: Int?, pairs: Int, traces: Bool, json: Bool
    ) {
        self.job = job
        self.overrides = overrides
        self.workers = workers
        self.threads = threads
        self.pairs = pairs
        self.traces = traces
        self.json = json
    }

    /// - Throws: `CommandError`.
    package func run() async throws {
        guard (0...1000).contains(pairs) else { throw CommandError.usage("--pairs \(pairs): give 0 to 1000") }
        guard pairs > 0 else {
            let rate = try await samplesPerSecond(traced: traces)
            StandardStreams.write(
                json
                    ? JSONValue(
                        dictionaryLiteral: ("event", "step"), ("traces", .bool(traces)),
                        ("samplesPerSecond", .number(rate))
                    ).text
                    : "\(NumberText.grouped(rate)) samples/s, traces \(traces ? "on" : "off")")
            return
        }
        var ratios: [Double] = []
        for pair in 1...pairs {
            // Who goes first takes turns, so that a machine that slows down favours neither.
            let isTracedFirst = pair.isMultiple(of: 2)
            let first = try await samplesPerSecond(traced: isTracedFirst)
            let second = try await samplesPerSecond(traced: !isTracedFirst)
            let (on, off) = isTracedFirst ? (first, second) : (second, first)
            ratios.append(on / off)
            show(pair: pair, on: on, off: off)
        }
        let median = StepBench.median(ratios)
        StandardStreams.write(
            json
                ? JSONValue(
                    dictionaryLiteral: ("event", "traces"), ("pairs", .number(pairs)), ("medianRatio", .number(median))
                ).text
                : "median of \(pairs) pairs: traced runs reach \(NumberText.fixed(median * 100, 2)) % of the throughput of untraced ones"
        )
    }

    private func show(pair: Int, on: Double, off: Double) {
        if json {
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

    /// One run of the job into a directory that is removed afterwards.
    private func samplesPerSecond(traced: Bool) async throws -> Double {
        let directory =
            FileManager.default.temporaryDirectory.path + "/lockstep-bench-\(UInt64.random(in: 0...UInt64.max))"
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let last = Mutex<String?>(nil)
        try await TrainLauncher(
            job: job, overrides: overrides + ["traces.off=\(!traced)"], placement: .new(directory), workers: workers,
            threads: threads,
            output: RunOutput(json: true, result: { line in last.withLock { $0 = line } }, progress: { _ in })
        ).run()
        guard let line = last.withLock({ $0 }), let value = try? JSONValue(parsing: Array(line.utf8)),
            let rate = value["samplesPerSecond"]?.double
        else { throw CommandError.failed("the run ended without a result") }
        return rate
    }

    private static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        let middle = sorted.count / 2
        return sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
    }
}
