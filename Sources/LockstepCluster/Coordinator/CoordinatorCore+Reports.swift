/// Steps, validations and agreed states, each told once and in order, whoever reports them how often.
extension CoordinatorCore {
    /// Every worker reports every step, so that none is missing when a worker is lost.
    ///
    /// - Returns: the steps that are news, in order.
    mutating func takeReports(_ reports: [StepReport], from index: Int) -> [StepReport] {
        if rules.hearsOneReporter, workers[index].name != roster?.members.first?.name { return [] }
        var news: [StepReport] = []
        for report in reports {
            if lastReported < UInt32.max, report.step == lastReported + 1 {
                news += [take(report)] + takeEarly()
            } else if report.step > lastReported, !early.add(report) {
                // It is sent again.
                break
            }
            workers[index].toldStep = max(workers[index].toldStep, report.step)
        }
        return news
    }

    private mutating func take(_ report: StepReport) -> StepReport {
        lastReported = report.step
        if report.generation >= roster?.generation ?? 0 { furthestStep = max(furthestStep, report.step) }
        fruitlessLevellings = 0
        countLanes(report)
        return report
    }

    private mutating func takeEarly() -> [StepReport] {
        early.takeSteps(after: lastReported).map { take($0) }
    }

    /// Each step once, by the roster that it was computed with.
    private mutating func countLanes(_ report: StepReport) {
        guard let roster = rosters.last(where: { $0.generation == report.generation }) ?? roster else { return }
        for member in roster.members { lanesComputed[member.name, default: 0] += member.lanes.count }
        if LaneAudit.isDue(atStep: report.step, every: roster.auditEverySteps) { laneAuditing.count += 1 }
    }

    /// Steps and validations in the order in which they happened.
    mutating func report(_ steps: [StepReport], _ evaluations: [EvaluationReport]) -> [CoordinatorAction] {
        var steps = steps[...]
        var actions: [CoordinatorAction] = []
        // Who reports a validation has reported its step, which may have to wait.
        for evaluation in evaluations where evaluation.step > lastReported { early.add(evaluation) }
        let due = early.takeEvaluations(upTo: lastReported) + evaluations.filter { $0.step <= lastReported }
        for evaluation in due.sorted(by: { $0.step < $1.step }) where evaluation.step > lastEvaluated {
            lastEvaluated = evaluation.step
            let before = steps.prefix { $0.step <= evaluation.step }
            if !before.isEmpty { actions.append(.report(Array(before))) }
            steps = steps.dropFirst(before.count)
            actions.append(.evaluated(evaluation))
        }
        return steps.isEmpty ? actions : actions + [.report(Array(steps))]
    }

    mutating func agree(_ states: [AgreedState]) -> [CoordinatorAction] {
        var actions: [CoordinatorAction] = []
        for state in states where state.step <= lastReported { actions += snapshots.agree(state) }
        return actions
    }

    // MARK: What is lost

    /// While a generation works: where each of its workers has told of a later step than the next one, nobody has that one
    /// any more. What they have told is told then; else it would wait for the next generation, and their work for that.
    mutating func mendReports() -> [CoordinatorAction] {
        guard mode == .running, let roster, members.count == roster.members.count, lastReported < UInt32.max,
            members.allSatisfy({ $0.toldStep > lastReported + 1 })
        else { return [] }
        // Of a run that is done there are no later steps, whatever one of them may have told.
        let end = done.count == members.count ? members.compactMap { done[$0.name]?.step }.min() : nil
        return fillReports(upTo: min(early.firstStep.map { $0 - 1 } ?? end ?? lastReported, end ?? .max))
    }

    /// Steps that nobody here can report any more are missing in the reports: their reporters are gone.
    mutating func fillReports(upTo step: UInt32) -> [CoordinatorAction] {
        var actions: [CoordinatorAction] = []
        while lastReported < step {
            let first = lastReported + 1
            lastReported = min(step, early.firstStep.map { $0 - 1 } ?? step)
            lastEvaluated = max(lastEvaluated, first - 1)
            let steps = first == lastReported ? "step \(first)" : "steps \(first) to \(lastReported)"
            actions.append(
                .log(.warning, "the reports of \(steps) are lost", metadata: ["step": "\(lastReported)"]))
            actions += report(takeEarly(), [])
        }
        return actions
    }
}
