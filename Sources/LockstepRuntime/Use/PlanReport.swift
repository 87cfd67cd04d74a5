internal import LockstepCluster
internal import LockstepCollectives
internal import LockstepCore
internal import LockstepData
internal import LockstepEngine
internal import LockstepFormats
internal import LockstepJobs
internal import LockstepModels

/// A job explained: what is computed, by whom, at which cost.
struct PlanReport {
    let job: ResolvedJob
    let shares: [WorkerShare]
    let threads: Int
    private let exchange: ExchangeReport?

    /// - Parameter tuned: how gradients will travel, where that was measured.
    /// - Throws: `CommandError.usage` where there are more workers than lanes.
    init(_ job: ResolvedJob, workers: Int, threads: Int, tuned: TunedExchange? = nil) throws {
        self.job = job
        self.threads = threads
        exchange = tuned.map(ExchangeReport.init)
        shares = try WorkerShare.all(
            of: job, workers: workers, threads: threads, settings: tuned?.settings ?? ExchangeSettings())
    }

    /// For people.
    var lines: [String] {
        let plan = job.plan
        var lines = [
            "job        \(job.name)",
            "digest     \(job.digest)",
            "data       \(data)",
            "training   \(training)",
            "loss       \(job.loss), optimizer \(job.optimizer)",
        ]
        if let path = job.initialWeightsPath {
            lines.append("begins     with \(path.escapedForDisplay(limit: 100))")
        }
        for (group, ranges) in job.groups.groups {
            let names = group.names.map { $0.escapedForDisplay(limit: 40) }.joined(separator: ", ")
            let decay = group.weightDecay.map { "weight decay \($0), " } ?? ""
            lines.append(
                "group      \(ranges.count) tensors named \(names): \(decay)learning rate × \(group.learningRateFactor)"
            )
        }
        if !job.metricNames.isEmpty { lines.append("metrics    \(job.metricNames.joined(separator: ", "))") }
        if let watch = job.watch, watch.isActive { lines.append("watches    its evaluation after each epoch") }
        lines.append(
            "snapshots  every \(NumberText.grouped(job.snapshotEverySteps)) steps, \(job.snapshots.keep) kept"
                + (job.snapshots.best.map { ", and the best by \($0)" } ?? ""))
        if job.auditEverySteps > 0 { lines.append("audit      \(audit)") }
        lines.append("")
        lines += layers
        lines.append("")
        lines.append(
            "a step     \(PlanReport.count(plan.forwardFLOPsPerSample * fullBatch, of: "FLOP")) forward, \(PlanReport.count(plan.backwardFLOPsPerSample * fullBatch, of: "FLOP")) backward"
        )
        lines.append("")
        lines += workers
        guard shares.count > 1 else { return lines }
        return lines + [""]
            + (exchange?.lines ?? [
                "gradients  buckets and links are chosen by measurement when a run starts; --measure shows them"
            ])
    }

    /// For programs.
    var value: JSONValue {
        let plan = job.plan
        let layers = plan.layerTable.map { row -> JSONValue in
            [
                "name": .string(row.name), "kind": .string(row.kind),
                "outputShape": .array(row.outputShape.map { .number($0) }),
                "parameters": .number(row.parameterCount), "flopsPerSample": .number(row.flopsPerSample),
            ]
        }
        let workers = shares.map { share -> JSONValue in
            [
                "lanes": [.number(share.lanes.lowerBound), .number(share.lanes.upperBound)],
                "roots": .number(share.rootCount), "samples": .number(share.samples),
                "bytesPerStep": .number(share.bytesPerStep), "stateBytes": .number(share.stateBytes),
                "gradientBytes": .number(share.gradientBytes), "activationBytes": .number(share.activationBytes),
            ]
        }
        return [
            "job": .string(job.name), "jobDigest": .string(job.digest.description),
            "planDigest": .string(plan.digest.description), "inputShape": .array(plan.inputShape.map { .number($0) }),
            "samples": .number(job.train.count), "validationSamples": .number(job.validation?.count ?? 0),
            "testSamples": .number(job.test?.count ?? 0), "batchSize": .number(job.batchSize),
            "lanes": .number(job.laneTree.laneCount), "steps": .number(job.stepCount),
            "epochs": .number(job.epochCount), "stepsPerEpoch": .number(job.order.stepsPerEpoch),
            "seed": .string(String(job.seed)),
            "initialWeights": job.initialWeightsPath.map { .string($0) } ?? .null,
            "loss": .string(job.loss.description),
            "optimizer": .string(job.optimizer.description), "metrics": .array(job.metricNames.map { .string($0) }),
            "snapshotEverySteps": .number(job.snapshotEverySteps),
            "auditEverySteps": .number(job.auditEverySteps),
            "parameters": .number(plan.layout.parameterCount),
            "forwardFLOPsPerSample": .number(plan.forwardFLOPsPerSample),
            "backwardFLOPsPerSample": .number(plan.backwardFLOPsPerSample), "layers": .array(layers),
            "threads": .number(threads), "workers": .array(workers),
            "exchange": exchange?.value ?? .null,
        ]
    }

    private var fullBatch: Int { min(job.batchSize, job.order.count) }

    private var data: String {
        var parts = ["\(NumberText.grouped(job.train.count)) samples of \(PlanReport.shape(job.plan.inputShape))"]
        if let validation = job.validation {
            parts.append("\(NumberText.grouped(validation.count)) evaluated after each epoch")
        }
        if let test = job.test { parts.append("\(NumberText.grouped(test.count)) at the end") }
        return parts.joined(separator: ", ")
    }

    private var training: String {
        "\(NumberText.grouped(job.stepCount)) steps, \(NumberText.grouped(job.order.stepsPerEpoch)) an epoch, "
            + "batches of \(NumberText.grouped(job.batchSize)) in \(job.laneTree.laneCount) lanes, seed \(job.seed)"
    }

    /// What an audit costs falls on one worker of the step, for which all others wait.
    private var audit: String {
        let interval = job.auditEverySteps
        let most = shares.map(\.lanes.count).max() ?? 1
        let steps = interval == 1 ? "every step" : "every \(NumberText.grouped(interval)) steps"
        return "\(steps) one of \(job.laneTree.laneCount) lanes is computed a second time, by a worker that has up to "
            + "\(most) of its own"
    }

    private var layers: [String] {
        var rows = [["layer", "kind", "output", "parameters", "FLOP a sample"]]
        for row in job.plan.layerTable {
            rows.append([
                row.name.escapedForDisplay(limit: 60), row.kind, PlanReport.shape(row.outputShape),
                row.parameterCount == 0 ? "" : NumberText.grouped(row.parameterCount),
                row.flopsPerSample == 0 ? "" : PlanReport.count(row.flopsPerSample),
            ])
        }
        rows.append([
            "all", "", "", NumberText.grouped(job.plan.layout.parameterCount),
            PlanReport.count(job.plan.forwardFLOPsPerSample),
        ])
        return TextTable.lines(rows, leading: 3)
    }

    private var workers: [String] {
        var rows = [
            ["worker", "lanes", "roots", "samples a step", "sends a step", "state", "gradients", "activations"]
        ]
        for (index, share) in shares.enumerated() {
            rows.append([
                "w\(index)", "\(share.lanes.lowerBound)–\(share.lanes.upperBound - 1)", String(share.rootCount),
                NumberText.grouped(share.samples), PlanReport.bytes(share.bytesPerStep),
                PlanReport.bytes(share.stateBytes), PlanReport.bytes(share.gradientBytes),
                "about \(PlanReport.bytes(share.activationBytes))",
            ])
        }
        return TextTable.lines(rows, leading: 1)
    }

    private static func shape(_ extents: [Int]) -> String { extents.map(String.init).joined(separator: " × ") }

    /// `12.3 M`, `12.3 MFLOP`.
    private static func count(_ count: Int, of unit: String = "") -> String {
        scaled(count, 1000, ["", "k", "M", "G", "T", "P"].map { $0 + unit }.map { $0.isEmpty ? "" : " \($0)" })
    }

    /// `1.5 MiB`.
    static func bytes(_ count: Int) -> String {
        scaled(count, 1024, [" B", " KiB", " MiB", " GiB", " TiB", " PiB"])
    }

    private static func scaled(_ count: Int, _ base: Double, _ units: [String]) -> String {
        var (value, unit) = (Double(count), 0)
        while value >= base, unit < units.count - 1 { (value, unit) = (value / base, unit + 1) }
        return NumberText.fixed(value, unit == 0 || value >= 100 ? 0 : 1) + units[unit]
    }
}
