internal import LockstepCluster
internal import LockstepCore
internal import LockstepFormats

/// What one size of vector took, as `lockstep bench allreduce` shows it.
struct AllReduceRow: Equatable {
    let bytes: Int
    let workers: Int
    let rounds: Int
    /// Of the rounds, in seconds. A round takes what it takes its workers in the mean: who comes late into one waits less
    /// in it, and the others wait more.
    let median: Double
    let mean: Double
    let percentile99: Double
    /// Processor seconds of a round, of the worker that needs most; 0 where they are not known.
    let processor: Double

    init(_ result: TrialResult) {
        bytes = result.trial.byteCount
        workers = result.members.count
        let times = result.members.map(\.measured.seconds)
        let seconds = (0..<(times.map(\.count).min() ?? 0)).map { round in
            times.reduce(0) { $0 + $1[round] } / Double(times.count)
        }.sorted()
        rounds = seconds.count
        median = seconds.isEmpty ? 0 : MeasuredRun.median(seconds)
        mean = seconds.reduce(0, +) / Double(max(1, seconds.count))
        percentile99 = seconds.isEmpty ? 0 : seconds[(99 * seconds.count + 99) / 100 - 1]
        processor = result.processorSeconds
    }

    /// 10^9 bytes of the vector a second, in the median round.
    var gigabytesPerSecond: Double { Double(bytes) / 1e9 / max(median, 1e-12) }

    // MARK: For people

    static let heading = AllReduceRow.line(["size", "median", "mean", "p99", "GB/s", "processor"])

    var line: String {
        let times = [median, mean, percentile99].map { "\(NumberText.fixed($0 * 1e6, 1)) µs" }
        return AllReduceRow.line(
            [VectorSizes.text(bytes)] + times + [
                NumberText.fixed(gigabytesPerSecond, 3),
                processor > 0 ? "\(NumberText.fixed(processor * 1e6, 1)) µs" : "",
            ])
    }

    private static func line(_ cells: [String]) -> String {
        zip(cells, [8, 13, 13, 13, 8, 13]).map { BenchRuns.padded($0, $1) }.joined(separator: " ")
    }

    // MARK: For programs

    func value(transport: String, links: Int, isAwake: Bool, congestionControl: String?) -> JSONValue {
        [
            "event": "allreduce", "workers": .number(workers), "bytes": .number(bytes),
            "transport": .string(transport), "medianMicroseconds": .number(median * 1e6),
            "meanMicroseconds": .number(mean * 1e6), "p99Microseconds": .number(percentile99 * 1e6),
            "gigabytesPerSecond": .number(gigabytesPerSecond), "rounds": .number(rounds), "links": .number(links),
            "awake": .bool(isAwake), "processorMicroseconds": .number(processor * 1e6),
            "congestionControl": congestionControl.map { .string($0) } ?? .null,
        ]
    }
}
