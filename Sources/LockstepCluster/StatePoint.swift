/// Where a state stands in a job: S(`step`), and whether the validation that belongs to it is over.
///
/// A state whose validation is not over is ordered before the same one judged: it lacks what the judgement adds.
package struct StatePoint: Sendable, Hashable, Codable, Comparable, CustomStringConvertible {
    package var step: UInt32
    /// True where nothing is validated after this step.
    package var isJudged: Bool

    package init(step: UInt32, isJudged: Bool = true) {
        self.step = step
        self.isJudged = isJudged
    }

    package static func < (left: StatePoint, right: StatePoint) -> Bool {
        left.step == right.step ? !left.isJudged && right.isJudged : left.step < right.step
    }

    package var description: String { isJudged ? "S(\(step))" : "S(\(step)) before its validation" }
}
