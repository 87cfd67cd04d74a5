internal import LockstepCore
internal import LockstepData
internal import LockstepFormats

/// An audit of samples, for people and for programs.
struct AuditReport {
    let run: String
    let runDirectory: String
    let result: SampleAuditResult

    /// The text for people, a line each.
    var lines: [String] {
        var lines = [
            "run       \(run.escapedForDisplay())",
            "samples   \(NumberText.grouped(result.samplesPerEpoch)) an epoch, in \(result.laneCount) lanes",
            "reports   \(NumberText.grouped(result.reportCount)) steps",
        ]
        lines += result.epochs.map(line)
        lines += result.findings.map(\.description)
        if result.findingCount > result.findings.count {
            lines.append("and \(NumberText.grouped(result.findingCount - result.findings.count)) more findings")
        }
        if result.isExact { lines.append(verdict) }
        return lines
    }

    /// The last line, or the message of the error.
    var verdict: String {
        guard result.isExact else {
            let count = result.findingCount
            return
                "not every sample is proved to have counted exactly once: \(NumberText.grouped(count)) \(count == 1 ? "finding" : "findings")"
        }
        switch (result.completedEpochs, result.lastStep) {
        case (_, 0): return "exact: no step is reported yet"
        case (0, _): return "exact: no epoch is complete yet, and no sample counted more than once so far"
        case (1, _): return "exact: every sample of the completed epoch counted once"
        default:
            return "exact: every sample of \(NumberText.grouped(result.completedEpochs)) completed epochs counted once"
        }
    }

    private func line(_ epoch: SampleAuditResult.Epoch) -> String {
        let name =
            epoch.epochs.count == 1
            ? "epoch \(epoch.epochs.lowerBound)" : "epochs \(epoch.epochs.lowerBound) to \(epoch.epochs.upperBound)"
        let steps =
            epoch.steps.count == 1
            ? "step \(epoch.steps.lowerBound)" : "steps \(epoch.steps.lowerBound) to \(epoch.steps.upperBound)"
        let samples = NumberText.grouped(epoch.samples)
        let each = epoch.epochs.count == 1 ? "" : "each "
        let rest = epoch.isComplete ? "" : ", so far"
        guard !epoch.isExact else { return "\(name): \(each)\(samples) samples once (\(steps))\(rest)" }
        var parts = ["\(NumberText.grouped(epoch.once)) of \(each)\(samples) samples once"]
        if epoch.unproved > 0 { parts.append("\(NumberText.grouped(epoch.unproved)) unproved") }
        if epoch.repeated > 0 { parts.append("\(NumberText.grouped(epoch.repeated)) more than once") }
        let examples = epoch.examples.map(String.init).joined(separator: ", ")
        let such = examples.isEmpty ? "" : ", such as \(examples)"
        return "\(name): \(parts.joined(separator: ", "))\(such) (\(steps))\(rest)"
    }

    var value: JSONValue {
        [
            "event": "audit", "run": .string(run), "runDirectory": .string(runDirectory),
            "isExact": .bool(result.isExact), "completedEpochs": .number(result.completedEpochs),
            "steps": .number(result.lastStep), "reports": .number(result.reportCount),
            "samples": .number(result.samplesPerEpoch), "lanes": .number(result.laneCount),
            "epochs": .array(result.epochs.map(value)),
            "findings": .array(result.findings.map(value)), "findingCount": .number(result.findingCount),
        ]
    }

    private func value(_ epoch: SampleAuditResult.Epoch) -> JSONValue {
        [
            "firstEpoch": .number(epoch.epochs.lowerBound), "lastEpoch": .number(epoch.epochs.upperBound),
            "firstStep": .number(epoch.steps.lowerBound), "lastStep": .number(epoch.steps.upperBound),
            "isComplete": .bool(epoch.isComplete), "samples": .number(epoch.samples), "once": .number(epoch.once),
            "unproved": .number(epoch.unproved), "repeated": .number(epoch.repeated),
            "examples": .array(epoch.examples.map { .number($0) }),
        ]
    }

    private func value(_ finding: AuditFinding) -> JSONValue {
        var object: JSONObject = ["kind": .string(finding.kind.rawValue), "message": .string(finding.description)]
        object["epoch"] = finding.epochs.map { .number($0.lowerBound) }
        object["firstStep"] = finding.steps.map { .number($0.lowerBound) }
        object["lastStep"] = finding.steps.map { .number($0.upperBound) }
        object["generation"] = finding.generation.map { .number($0) }
        object["worker"] = finding.worker.map { .string($0) }
        return .object(object)
    }
}
