internal import LockstepCluster
internal import LockstepCore
internal import LockstepData
internal import LockstepEngine
internal import LockstepFormats
internal import LockstepJobs

/// What a run says to the world, as values: its description, its steps, its end.
struct RunReport {
    let job: ResolvedJob
    let runDirectory: RunDirectory

    /// `run.json`.
    static func description(of prepared: PreparedJob, run: String, workers: Int) -> JSONValue {
        let job = prepared.job
        let parameters = job.plan.layout.entries.map { entry -> JSONValue in
            ["name": .string(entry.name), "shape": .array(entry.shape.map { .number($0) })]
        }
        return [
            "run": .string(run), "version": .string(lockstepVersion), "arithmetic": .number(Plan.arithmeticVersion),
            "job": .string(job.name),
            "jobDigest": .string(job.digest.description), "planDigest": .string(job.plan.digest.description),
            "workers": .number(workers), "lanes": .number(job.laneTree.laneCount),
            // From these, the batch size, the lanes and the seed follows which sample stands where.
            "samples": .number(job.order.count), "isShuffled": .bool(job.order.isShuffled),
            "batchSize": .number(job.batchSize), "steps": .number(job.stepCount), "epochs": .number(job.epochCount),
            // Beyond 2⁵³ a JSON number is not safe with every reader.
            "seed": .string(String(job.seed)), "resolved": .string(job.description),
            "source": prepared.sourceValue,
            "files": .array(
                prepared.files.map {
                    [
                        "name": .string($0.name), "path": .string($0.absolutePath),
                        "sha256": .string($0.digest.description),
                    ]
                }),
            "parameterCount": .number(job.plan.layout.parameterCount), "parameters": .array(parameters),
        ]
    }

    /// A step of `metrics.jsonl`: what it gave, and what proves which samples it used.
    static func metrics(_ report: StepReport) -> JSONValue {
        var object = measures(report)
        object["generation"] = .number(report.generation)
        object["sampleHashes"] = .array(report.sampleHashes.map { .string($0.sixteenDigits) })
        object["epochSampleSum"] = .string(report.epochSampleSum.sixteenDigits)
        return .object(object)
    }

    private static func measures(_ report: StepReport) -> JSONObject {
        [
            "step": .number(report.step), "epoch": .number(report.epoch), "loss": .number(report.loss),
            "metrics": metrics(report.metrics.map { ($0.name, $0.value) }),
            "learningRate": .number(report.learningRate),
            "samplesPerSecond": .number(Double(report.samples) / max(report.seconds, 1e-9)),
        ]
    }

    /// A step on standard output.
    static func event(_ report: StepReport) -> JSONValue {
        var object = JSONObject([("event", "step")])
        for member in measures(report).members { object[member.key] = member.value }
        return .object(object)
    }

    /// A validation after an epoch.
    func event(_ evaluation: EvaluationReport) -> JSONValue {
        var object = JSONObject([
            ("event", "validation"), ("epoch", .number(evaluation.epoch)), ("step", .number(evaluation.step)),
        ])
        for member in values(evaluation.sums)?.members ?? [] { object[member.key] = member.value }
        return .object(object)
    }

    /// The same for people.
    func text(_ evaluation: EvaluationReport) -> String { means(evaluation.sums)?.text ?? "no samples" }

    /// The last event of a run that ended well.
    func finished(
        _ result: RunResult, of run: OpenedRun, snapshot: WrittenSnapshot, steps: Int, throughput: Throughput,
        damages: [(worker: String, Damage)] = []
    ) -> JSONValue {
        let done = result.members.compactMap(\.done)
        let lastEpoch = means(done.first?.lastEpoch)
        var object = JSONObject([
            ("event", "finished"), ("steps", .number(steps)),
            ("epochs", .number(steps == 0 ? 0 : job.order.epoch(ofStep: steps))),
            ("digest", .string(snapshot.digest.description)),
            ("stateDigest", .string(snapshot.stateDigest.description)),
            ("loss", lastEpoch.map { .number($0.loss) } ?? .null),
            ("metrics", metricsOrNull(lastEpoch)),
        ])
        if let evaluation = values(done.first?.evaluation) { object["evaluation"] = .object(evaluation) }
        object["samplesPerSecond"] = .number(throughput.samplesPerSecond)
        object["seconds"] = .number(throughput.seconds)
        object["workers"] = .number(result.members.count)
        object["incidents"] = .number(result.incidents)
        object["damages"] = .array(
            damages.map { worker, damage in
                [
                    "worker": .string(worker), "step": .number(damage.step),
                    "tensors": .array(damage.tensors.map { .string($0.name) }),
                ]
            })
        object["generations"] = .number(run.earlierGenerations + result.generations)
        object["lanesComputed"] = .object(lanes(run.earlierLanes + result.lanesComputed.map { ($0.name, $0.lanes) }))
        object["lanesAudited"] = .number(result.lanesAudited)
        object["gradientBytesSent"] = .object(
            JSONObject(result.members.map { ($0.name, .number($0.done?.gradientBytesSent ?? 0)) }))
        object["runDirectory"] = .string(runDirectory.path)
        return .object(object)
    }

    /// Lanes by worker, in the order of their names.
    private func lanes(_ counts: [(name: String, lanes: Int)]) -> JSONObject {
        var sums: [(name: String, lanes: Int)] = []
        for count in counts {
            if let index = sums.firstIndex(where: { $0.name == count.name }) {
                sums[index].lanes += count.lanes
            } else {
                sums.append((count.name, count.lanes))
            }
        }
        sums.sort { Array($0.name.utf8).lexicographicallyPrecedes(Array($1.name.utf8)) }
        return JSONObject(sums.map { ($0.name, .number($0.lanes)) })
    }

    /// The summary for people.
    func summary(
        _ result: RunResult, snapshot: WrittenSnapshot, steps: Int, throughput: Throughput,
        damages: [(worker: String, Damage)] = []
    ) -> String {
        let done = result.members.compactMap(\.done)
        var lines = [
            "trained \(NumberText.grouped(steps)) steps with \(result.members.count) "
                + "\(result.members.count == 1 ? "worker" : "workers") in \(NumberText.fixed(throughput.seconds, 1)) s "
                + "(\(NumberText.grouped(throughput.samplesPerSecond)) samples/s)"
        ]
        if let last = means(done.first?.lastEpoch) { lines.append("last epoch  \(last.text)") }
        if let evaluation = means(done.first?.evaluation) { lines.append("test        \(evaluation.text)") }
        if result.lanesAudited > 0 {
            let lanes = result.lanesAudited == 1 ? "lane" : "lanes"
            lines.append("audited     \(NumberText.grouped(result.lanesAudited)) \(lanes) computed twice, alike")
        }
        if result.incidents > 0 {
            let incidents =
                "\(NumberText.grouped(result.incidents)) \(result.incidents == 1 ? "incident" : "incidents")"
            lines.append("survived    \(incidents); `lockstep trace` tells of them")
        }
        for (worker, damage) in damages {
            let tensors = damage.tensors.map { $0.name.escapedForDisplay(limit: 100) }.joined(separator: ", ")
            lines.append(
                "damaged     \(tensors.isEmpty ? "numbers beside the tensors" : tensors) of step \(damage.step) in worker "
                    + "\(worker.escapedForDisplay()); test that machine's memory")
        }
        lines.append("digest      \(snapshot.digest)")
        lines.append("snapshot    \(snapshot.path)")
        return lines.joined(separator: "\n")
    }

    private func means(_ sums: [Double]?) -> ResolvedJob.Measures? { sums.flatMap { job.measures(of: $0) } }

    /// Loss, metrics and what else the metrics' sums show, as `evaluation` in JSON.
    func values(_ sums: [Double]?) -> JSONObject? {
        guard let means = means(sums) else { return nil }
        var object = JSONObject([("loss", .number(means.loss))])
        for (name, value) in means.metrics { object[name] = .number(value) }
        if let matrix = means.confusionMatrixValue { object["confusionMatrix"] = matrix }
        return object
    }

    private func metricsOrNull(_ means: ResolvedJob.Measures?) -> JSONValue {
        means.map { RunReport.metrics($0.metrics.map { ($0.name, $0.value) }) } ?? .null
    }

    private static func metrics(_ values: [(String, Double)]) -> JSONValue {
        .object(JSONObject(values.map { ($0.0, .number($0.1)) }))
    }
}

/// A snapshot that lies on disk.
struct WrittenSnapshot: Sendable {
    let step: Int
    let path: String
    let isBest: Bool
    let digest: Digest
    let stateDigest: Digest
}
