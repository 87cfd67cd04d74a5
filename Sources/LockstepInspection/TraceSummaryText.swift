internal import LockstepCore

/// A summary for people.
package enum TraceSummaryText {
    /// More than this of one kind are counted, not listed.
    private static let mostListed = 10

    /// - Parameter width: the columns of the terminal; no line is wider, unless it is narrower than 40.
    package static func lines(_ summary: TraceSummary, width: Int = 80) -> [String] {
        let width = max(40, width)
        var lines = header(summary)
        for worker in summary.workers { lines += [""] + table(worker, width) }
        if !summary.slowest.isEmpty {
            lines += ["", "slowest steps"]
            for step in summary.slowest { lines += slow(step) }
        }
        if !summary.incidents.isEmpty {
            lines += ["", "incidents"]
            lines += summary.incidents.suffix(mostListed).flatMap { incident($0, width) }
            if summary.incidents.count > mostListed {
                lines.append("  and \(summary.incidents.count - mostListed) earlier ones")
            }
        }
        if !summary.failed.isEmpty {
            lines += ["", "steps that were broken off"]
            lines += summary.failed.prefix(mostListed).map {
                "  step \($0.step)\(generation($0.generation))  \(name($0.worker))"
            }
            if summary.failed.count > mostListed { lines.append("  and \(summary.failed.count - mostListed) more") }
        }
        lines += others(summary)
        return lines.map { TextColumns.cut($0, width) }
    }

    private static func header(_ summary: TraceSummary) -> [String] {
        var lines: [String] = []
        if let first = summary.firstStep, let last = summary.lastStep {
            lines.append(
                "\(FigureText.count(summary.stepCount, "step")) kept, of steps \(first) to \(last), "
                    + FigureText.count(summary.workers.count, "worker"))
        } else {
            lines.append("no step left spans")
        }
        if summary.workers.contains(where: { !$0.isSample }) {
            lines.append("too few sampled steps: all kept steps count, more of them slow than there were")
        }
        let notes = summary.notes
        if notes.brokenLines > 0 { lines.append("\(FigureText.count(notes.brokenLines, "line")) could not be read") }
        if notes.droppedSpans > 0 {
            lines.append("\(FigureText.count(notes.droppedSpans, "span")) had no room and were lost")
        }
        if notes.leftOutSpans > 0 {
            lines.append("\(FigureText.count(notes.leftOutSpans, "span")) left out: too many; choose fewer steps")
        }
        return lines
    }

    private static func table(_ worker: TraceSummary.WorkerSummary, _ width: Int) -> [String] {
        guard worker.steps > 0 else { return ["\(name(worker.name))  no whole step"] }
        var lines = [
            "\(name(worker.name))  \(FigureText.count(worker.steps, "step")): median \(FigureText.time(worker.median)), "
                + "p95 \(FigureText.time(worker.p95))",
            "  \(TextColumns.left("stage", 10))  \(TextColumns.right("median", 8))  \(TextColumns.right("p95", 8))"
                + "  \(TextColumns.right("share", 7))",
        ]
        let shares = FigureText.percentages(worker.stages.map(\.share))
        let room = min(40, width - 44)
        for (stage, share) in zip(worker.stages, shares) {
            // A stage that never was would only take room.
            guard stage.share > 0 || stage.stage == .other else { continue }
            var line = "  \(TextColumns.left(stage.stage.rawValue, 10))"
            line += "  \(TextColumns.right(FigureText.time(stage.median), 8))"
            line += "  \(TextColumns.right(FigureText.time(stage.p95), 8))  \(TextColumns.right(share, 7))"
            let bar = bar(stage.share, room)
            lines.append(bar.isEmpty ? line : "\(line)  \(bar)")
        }
        if worker.communication > 0 {
            let share = Double(worker.exposed) / Double(worker.communication)
            lines.append(
                "  communication \(FigureText.time(worker.communication / UInt64(worker.steps))) a step, "
                    + "\(NumberText.fixed(100 * share, 0)) % of it exposed")
        }
        if worker.waitedForSteps > 0 {
            let mean = worker.meanWait.map { ", \(FigureText.time($0)) on average" } ?? ""
            lines.append("  the others waited for it in \(FigureText.count(worker.waitedForSteps, "step"))\(mean)")
        }
        return lines
    }

    private static func slow(_ step: TraceSummary.SlowStep) -> [String] {
        var line = "  step \(step.step)\(generation(step.generation))"
        if let epoch = step.epoch { line += ", epoch \(epoch)" }
        line += "  \(FigureText.time(step.duration))"
        if let wait = step.wait {
            line += "  the others waited "
            if let time = wait.nanoseconds { line += "\(FigureText.time(time)) " }
            line += "for \(name(wait.worker))"
        }
        guard step.excess > 0 else { return [line] }
        return [
            line, "    \(name(step.worker)) \(step.stage.rawValue): \(FigureText.time(step.excess)) over its median",
        ]
    }

    private static func incident(_ incident: TraceSummary.Incident, _ width: Int) -> [String] {
        var lines = TextColumns.wrapped(incident.message.escapedForDisplay(limit: 1000), width: width - 4)
            .enumerated().map { "\($0 == 0 ? "  " : "    ")\($1)" }
        let brokenOff = incident.brokenOff.prefix(mostListed).map { "step \($0.step) in \(name($0.worker))" }
        if !brokenOff.isEmpty { lines.append("    broken off: \(brokenOff.joined(separator: ", "))") }
        return lines
    }

    private static func others(_ summary: TraceSummary) -> [String] {
        guard !summary.others.isEmpty else { return [] }
        var lines = ["", "outside of steps"]
        for spans in summary.others.prefix(mostListed) {
            lines.append(
                "  \(TextColumns.left(name(spans.process), 12))  \(TextColumns.left(name(spans.name), 12))"
                    + "  \(TextColumns.right(NumberText.grouped(spans.count), 6))"
                    + "  \(TextColumns.right(FigureText.time(spans.total), 8))")
        }
        if summary.others.count > mostListed { lines.append("  and \(summary.others.count - mostListed) more kinds") }
        return lines
    }

    private static func name(_ text: String) -> String { text.escapedForDisplay(limit: 60) }

    private static func generation(_ generation: UInt32?) -> String {
        // The first generation is the ordinary case.
        generation.map { $0 > 1 ? " (generation \($0))" : "" } ?? ""
    }

    /// A bar of eighths of a column.
    private static func bar(_ share: Double, _ room: Int) -> String {
        guard room >= 8 else { return "" }
        let eighths = Int((share * Double(room) * 8).rounded())
        let parts = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"]
        return String(repeating: "█", count: eighths / 8) + parts[eighths % 8]
    }
}
