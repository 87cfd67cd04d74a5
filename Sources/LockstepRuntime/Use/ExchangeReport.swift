internal import LockstepCluster
internal import LockstepCollectives
internal import LockstepCore
internal import LockstepFormats

/// How gradients will travel, as it was measured, explained.
struct ExchangeReport {
    let tuned: TunedExchange
    private let settings: [String]

    init(_ tuned: TunedExchange) {
        self.tuned = tuned
        let chosen = tuned.settings
        settings = [
            ExchangeReport.count(chosen.bucketBoundaries.count + 1, "bucket"),
            "\(ExchangeReport.count(chosen.links, "link")) a pair",
            "event loops \(chosen.staysAwake ? "awake" : "asleep") while they wait",
        ]
    }

    private static func count(_ number: Int, _ noun: String) -> String {
        "\(NumberText.grouped(number)) \(noun)\(number == 1 ? "" : "s")"
    }

    private static func time(_ seconds: Double) -> String {
        seconds < 1e-3 ? "\(NumberText.fixed(seconds * 1e6, 0)) µs" : "\(NumberText.fixed(seconds * 1e3, 2)) ms"
    }

    /// Of each bucket, what of its exchange goes on when the computation and the bucket before it are over.
    private var exposed: [Double] {
        var end = tuned.computeSeconds
        return tuned.buckets.map { bucket in
            defer { end = max(end, bucket.summedSeconds) }
            return max(0, bucket.summedSeconds - end)
        }
    }

    /// For people.
    var lines: [String] {
        var lines = ["gradients  \(settings.joined(separator: ", ")); measured here and now"]
        if tuned.latencySeconds > 0 {
            lines.append(
                "exchange   \(ExchangeReport.time(tuned.latencySeconds)) for a small one"
                    + (tuned.bytesPerSecond > 0
                        ? ", \(NumberText.fixed(tuned.bytesPerSecond / 1e9, 2)) GB/s for a large one" : ""))
        }
        if !tuned.buckets.isEmpty {
            lines.append(
                "forecast   a step computes for \(ExchangeReport.time(tuned.computeSeconds)), "
                    + "its exchange ends \(ExchangeReport.time(tuned.exposedSeconds)) later")
            lines += [""] + buckets
        }
        return lines + (tuned.trials.isEmpty ? [] : [""] + trials)
    }

    private var buckets: [String] {
        var rows = [["bucket", "floats", "size", "ready", "summed", "exposed"]]
        for (index, (bucket, exposed)) in zip(tuned.buckets, exposed).enumerated() {
            rows.append([
                String(index),
                "\(NumberText.grouped(bucket.range.lowerBound))–\(NumberText.grouped(bucket.range.upperBound - 1))",
                PlanReport.bytes(4 * bucket.range.count), ExchangeReport.time(bucket.readySeconds),
                ExchangeReport.time(bucket.summedSeconds), ExchangeReport.time(exposed),
            ])
        }
        return TextTable.lines(rows, leading: 1)
    }

    private var trials: [String] {
        var rows = [["trial", "links", "loops", "median", "processor"]]
        for result in tuned.trials {
            rows.append([
                PlanReport.bytes(result.trial.byteCount), String(result.trial.settings.links),
                result.trial.settings.staysAwake ? "awake" : "asleep", ExchangeReport.time(result.median),
                ExchangeReport.time(result.processorSeconds),
            ])
        }
        return TextTable.lines(rows, leading: 1)
    }

    /// For programs.
    var value: JSONValue {
        let buckets = zip(tuned.buckets, exposed).map { bucket, exposed -> JSONValue in
            [
                "floats": [.number(bucket.range.lowerBound), .number(bucket.range.upperBound)],
                "bytes": .number(4 * bucket.range.count), "readySeconds": .number(bucket.readySeconds),
                "summedSeconds": .number(bucket.summedSeconds), "exposedSeconds": .number(exposed),
            ]
        }
        let trials = tuned.trials.map { result -> JSONValue in
            [
                "bytes": .number(result.trial.byteCount), "links": .number(result.trial.settings.links),
                "awake": .bool(result.trial.settings.staysAwake), "medianSeconds": .number(result.median),
                "processorSeconds": .number(result.processorSeconds),
            ]
        }
        let chosen = tuned.settings
        return [
            "links": .number(chosen.links), "awake": .bool(chosen.staysAwake),
            "bucketBoundaries": .array(chosen.bucketBoundaries.map { .number($0) }),
            "chunkBytes": .number(chosen.chunkBytes), "oneHopBytes": .number(chosen.oneHopBytes),
            "latencySeconds": .number(tuned.latencySeconds), "bytesPerSecond": .number(tuned.bytesPerSecond),
            "computeSeconds": .number(tuned.computeSeconds), "exposedSeconds": .number(tuned.exposedSeconds),
            "buckets": .array(buckets), "trials": .array(trials),
        ]
    }
}
