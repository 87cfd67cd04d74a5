/// Steps and validations that the coordinator may not have: those that were never sent, and those that were sent and that it
/// has not said to have. A coordinator that is lost takes with it what it had heard last, so they are kept, in order.
struct UnreportedWork: Sendable {
    /// More than so many steps are not kept: a worker that has them begins no turn.
    static let mostSteps = 65_536
    /// Of a message, in bytes of JSON as they are reckoned here, well below what a message may have.
    static let mostBytes = 256 * 1024

    /// Steps ascend. Where a worker has copied a state they have a gap.
    private(set) var steps: [StepReport] = []
    private(set) var evaluations: [EvaluationReport] = []
    /// How many of them were sent on this connection.
    private var sentSteps = 0
    private var sentEvaluations = 0
    /// At the last ping: how far the coordinator was, and what had been sent by then.
    private var lastPing: (reportedStep: UInt32, sentStep: UInt32)?

    var isFull: Bool { steps.count >= UnreportedWork.mostSteps }
    var hasUnsent: Bool { sentSteps < steps.count || sentEvaluations < evaluations.count }

    /// A step that is done a second time, after a freeze, has the same report.
    mutating func append(_ report: StepReport) {
        guard report.step > steps.last?.step ?? 0 else { return }
        steps.append(report)
    }

    mutating func append(_ evaluation: EvaluationReport) {
        guard evaluation.step > evaluations.last?.step ?? 0 else { return }
        evaluations.append(evaluation)
    }

    /// The coordinator has all steps up to this one.
    ///
    /// - Parameter reportedStep: 0 where it did not say.
    mutating func ping(_ reportedStep: UInt32) {
        guard reportedStep > 0 else { return }
        cover(reportedStep)
        // It has passed over what it got from here: something was missing before it then. By now it wants this.
        if let lastPing, lastPing.reportedStep == reportedStep, let first = steps.first,
            first.step == reportedStep &+ 1, first.step <= lastPing.sentStep
        {
            forgetSending()
        }
        lastPing = (reportedStep, sentSteps > 0 ? steps[sentSteps - 1].step : 0)
    }

    /// All of it goes out again, but what this coordinator has.
    mutating func resend(after reportedStep: UInt32) {
        cover(reportedStep)
        forgetSending()
    }

    /// What goes into one message: what was not sent yet, in the order in which it happened.
    mutating func takeUnsent() -> (steps: [StepReport], evaluations: [EvaluationReport]) {
        let firstStep = sentSteps
        let firstEvaluation = sentEvaluations
        var bytes = 0
        while bytes < UnreportedWork.mostBytes, hasUnsent {
            let step = sentSteps < steps.count ? steps[sentSteps] : nil
            let evaluation = sentEvaluations < evaluations.count ? evaluations[sentEvaluations] : nil
            // A validation follows its step.
            if let step, step.step <= evaluation?.step ?? UInt32.max {
                bytes += step.reckonedBytes
                sentSteps += 1
            } else if let evaluation {
                bytes += 100 + 26 * evaluation.sums.count
                sentEvaluations += 1
            }
        }
        return (Array(steps[firstStep..<sentSteps]), Array(evaluations[firstEvaluation..<sentEvaluations]))
    }

    /// All that is kept, in order, in parts of which each goes into a message.
    var parts: [(steps: [StepReport], evaluations: [EvaluationReport])] {
        var rest = self
        rest.forgetSending()
        var parts: [(steps: [StepReport], evaluations: [EvaluationReport])] = []
        while rest.hasUnsent { parts.append(rest.takeUnsent()) }
        return parts
    }

    private mutating func cover(_ reportedStep: UInt32) {
        let covered = steps.prefix { $0.step <= reportedStep }.count
        steps.removeFirst(covered)
        sentSteps = max(0, sentSteps - covered)
        // Who reports the step after it has told of a validation.
        let told = evaluations.prefix { $0.step < reportedStep }.count
        evaluations.removeFirst(told)
        sentEvaluations = max(0, sentEvaluations - told)
    }

    private mutating func forgetSending() {
        sentSteps = 0
        sentEvaluations = 0
        lastPing = nil
    }
}

extension StepReport {
    /// Bytes in JSON, at most, for metrics with plain names.
    var reckonedBytes: Int {
        350 + 19 * sampleHashes.count + metrics.reduce(0) { $0 + 60 + $1.name.utf8.count }
    }
}
