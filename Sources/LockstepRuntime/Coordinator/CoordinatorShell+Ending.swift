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
            let kept =
                snapshot.map { "; S(\($0.step)) is kept in \($0.path)" }
                ?? run.resumed.map { "; S(\($0.step)) is kept in \($0.path)" } ?? "; no snapshot"
            outcome = RunOutcome(exitCode: result.exitCode, message: "the run was stopped: \(reason)\(kept)")
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
        span.setStatus(SpanStatus(code: .error, message: verdict.message))
        outcome = RunOutcome(exitCode: verdict.exitCode, message: lines.joined(separator: "\n"))
    }
}
