package import LockstepCore
internal import LockstepData
internal import LockstepFormats
internal import LockstepJobs
internal import LockstepSnapshots

/// `lockstep evaluate`: loss and metrics of a snapshot on the test data.
package struct EvaluateLauncher {
    private let run: RunDirectory
    private let step: Int?
    private let overrides: [String]
    private let threads: Int?
    private let json: Bool

    /// - Parameters:
    ///   - step: of the snapshot; nil for the best one where the job keeps a best, else for the newest sound one.
    ///   - threads: nil for all cores.
    package init(run: RunDirectory, step: Int?, overrides: [String], threads: Int?, json: Bool) {
        self.run = run
        self.step = step
        self.overrides = overrides
        self.threads = threads
        self.json = json
    }

    /// - Throws: `CommandError`.
    package func start() throws {
        try Launch.check(threads: threads)
        let kernels = try Launch.checkInstructionSet()
        let used = try UsedRun(run, step: step, overrides: overrides)
        for line in used.passedOver { StandardStreams.writeError("lockstep: \(line)") }
        let reader = try used.evaluationData()
        let runner = try ModelRunner(
            used.model, state: used.state, kernels: kernels, threads: threads ?? Machine.cores)
        guard let measures = ResolvedJob.Measures(runner.evaluate(reader), used.model.metrics) else {
            throw CommandError.failed(
                "the evaluation's weights add up to nothing; look at classWeights and the test data")
        }
        if json {
            StandardStreams.write(value(used, measures, samples: reader.count).text)
        } else {
            for line in lines(used, measures, samples: reader.count) { StandardStreams.write(line) }
        }
    }

    private func value(_ used: UsedRun, _ measures: ResolvedJob.Measures, samples: Int) -> JSONValue {
        var object = JSONObject([
            ("runDirectory", .string(used.directory.path)), ("step", .number(used.manifest.step)),
            ("digest", .string(used.manifest.digest.description)), ("samples", .number(samples)),
            ("loss", .number(measures.loss)), ("metrics", measures.metricsValue),
        ])
        if let matrix = measures.confusionMatrixValue { object["confusionMatrix"] = matrix }
        return .object(object)
    }

    private func lines(_ used: UsedRun, _ measures: ResolvedJob.Measures, samples: Int) -> [String] {
        let path = used.directory.snapshot(step: used.manifest.step).escapedForDisplay(limit: 1000)
        var lines = [
            "snapshot    \(path)",
            "samples     \(NumberText.grouped(samples))",
            "evaluation  \(measures.text)",
        ]
        guard let matrix = measures.confusionMatrix else { return lines }
        let names = ClassNames(used.model.preprocessing)
        let heading = [""] + matrix.indices.map { names[$0] }
        let rows = matrix.enumerated().map { index, row in [names[index]] + row.map { NumberText.grouped($0) } }
        lines.append("")
        lines.append("confusion matrix: a row for each true class, a column for each guess")
        return lines + TextTable.lines([heading] + rows, leading: 1)
    }
}
