/// Reports of steps behind one that is missing: `metrics.jsonl` may have lost lines that workers have forgotten. They are kept
/// until the missing one comes, or nobody can have it any more.
struct EarlyReports: Sendable {
    /// More are not kept; workers send them again.
    static let most = 2 * UnreportedWork.mostSteps
    static let mostBytes = 64 << 20

    /// They ascend.
    private(set) var steps: [StepReport] = []
    /// Of `steps`, as reckoned.
    private var bytes = 0
    private(set) var evaluations: [EvaluationReport] = []

    var firstStep: UInt32? { steps.first?.step }

    /// - Returns: false where there is no room.
    mutating func add(_ report: StepReport) -> Bool {
        let place = EarlyReports.place(of: report.step, in: steps) { $0.step }
        if place < steps.count, steps[place].step == report.step { return true }
        guard steps.count < EarlyReports.most, bytes + report.reckonedBytes <= EarlyReports.mostBytes else {
            return false
        }
        bytes += report.reckonedBytes
        steps.insert(report, at: place)
        return true
    }

    mutating func add(_ evaluation: EvaluationReport) {
        let place = EarlyReports.place(of: evaluation.step, in: evaluations) { $0.step }
        let isKnown = place < evaluations.count && evaluations[place].step == evaluation.step
        guard !isKnown, evaluations.count < EarlyReports.most else { return }
        evaluations.insert(evaluation, at: place)
    }

    /// Takes the steps that follow `step` without a hole; what is not later is not wanted any more.
    mutating func takeSteps(after step: UInt32) -> [StepReport] {
        _ = takeFirst(steps.prefix { $0.step <= step }.count)
        var count = 0
        while count < steps.count, step < UInt32.max - UInt32(count), steps[count].step == step + 1 + UInt32(count) {
            count += 1
        }
        return takeFirst(count)
    }

    private mutating func takeFirst(_ count: Int) -> [StepReport] {
        let first = Array(steps[..<count])
        steps.removeFirst(count)
        for report in first { bytes -= report.reckonedBytes }
        return first
    }

    /// Takes the validations up to that of `step`.
    mutating func takeEvaluations(upTo step: UInt32) -> [EvaluationReport] {
        let count = evaluations.prefix { $0.step <= step }.count
        defer { evaluations.removeFirst(count) }
        return Array(evaluations[..<count])
    }

    /// The place of the first element that is not before `step`.
    private static func place<Element>(
        of step: UInt32, in elements: [Element], _ key: (Element) -> UInt32
    ) -> Int {
        // Nearly always the last one.
        guard let last = elements.last, key(last) >= step else { return elements.count }
        var (low, high) = (0, elements.count - 1)
        while low < high {
            let middle = (low + high) / 2
            if key(elements[middle]) < step { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
