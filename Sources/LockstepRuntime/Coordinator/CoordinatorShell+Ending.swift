internal import LockstepCluster
internal import LockstepCore
internal import LockstepFormats
internal import Tracing

/// How a run ends.
extension CoordinatorShell {
    mutating func finish(_ result: RunResult) {
        display.endLine()
        switch result.outcome {
        case .completed:
            outcome = RunOutcome(exitCode: result.exitCode, message: "")
            guard let snapshot else { return }
            let steps = Int(result.snapshotStep ?? 0)
            settings.output.result(
                settings.output.json
                    ? report.finished(
                        result, of: run, snapshot: snapshot, steps: steps, throughput: throughput, damages: damages
                    ).text
                    : report.summary(
                        result, snapshot: snapshot, steps: steps, throughput: throughput, damages: damages))
        case .measured: outcome = RunOutcome(exitCode: result.exitCode, message: "")
        case .stopped(let reason):
            let kept = newestKept ?? "no snapshot"
            outcome = RunOutcome(exitCode: result.exitCode, message: "the run was stopped: \(reason); \(kept)")
        }
    }

    mutating func fail(_ verdict: Verdict) {
        display.endLine()
        var lines = [verdict.message]
        let written = verdict.worker.map { workerLogs?.lastLines(of: $0) ?? settings.lastLines?($0) ?? [] } ?? []
        if let worker = verdict.worker, !written.isEmpty {
            lines.append("  last lines of \(worker.escapedForDisplay()):")
            lines += written.map { "    \($0.escapedForDisplay(limit: 400))" }
        }
        if let wayOn = wayOn(after: verdict) { lines.append("  \(wayOn)") }
        span.setStatus(SpanStatus(code: .error, message: verdict.message))
        outcome = RunOutcome(exitCode: verdict.exitCode, message: lines.joined(separator: "\n"))
    }

    /// The state that a run which ends now leaves on disk; nil where there is none.
    private var newestKept: String? {
        snapshot.map { "S(\($0.step)) is kept in \($0.path)" }
            ?? run.resumed.map { "S(\($0.step)) is kept in \($0.path)" }
    }

    /// What is kept of a run that failed, and how it is gone on with; nil where that helps nobody.
    private func wayOn(after verdict: Verdict) -> String? {
        guard settings.purpose == .training else { return nil }
        // Resumed, the same steps would end the same way.
        if verdict.isCertain { return newestKept }
        guard let newestKept else {
            // Before the first step there is nothing to lose.
            return lastReport == nil && run.reportedStep == 0
                ? nil : "there is no snapshot: --resume begins again at step 1"
        }
        return "\(newestKept); --resume --run-directory \(run.directory.path.escapedForDisplay()) goes on from there"
    }
}
