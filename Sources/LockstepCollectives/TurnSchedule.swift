/// The turns of a generation in order, the same in every process: the training steps that are left, the closing record,
/// the batches of the evaluation.
package struct TurnSchedule: Sendable, Hashable {
    package let stepsDone: UInt32
    package let lastStep: UInt32
    package let evaluationBatches: UInt32

    /// - Parameters:
    ///   - stepsDone: n*, the step whose state the generation starts from; at most `lastStep`.
    ///   - lastStep: T, the last step of the job.
    ///   - evaluationBatches: 0 where nothing is evaluated.
    package init(stepsDone: UInt32, lastStep: UInt32, evaluationBatches: UInt32) {
        precondition(stepsDone <= lastStep, "a generation starts at or before the last step")
        self.stepsDone = stepsDone
        self.lastStep = lastStep
        self.evaluationBatches = evaluationBatches
    }

    package var first: Turn {
        stepsDone < lastStep ? Turn(.train, step: stepsDone + 1) : Turn(.closing, step: lastStep)
    }

    package var last: Turn {
        evaluationBatches > 0 ? Turn(.evaluation, step: evaluationBatches) : Turn(.closing, step: lastStep)
    }

    /// The turn after `turn`, or nil after the last one.
    package func successor(of turn: Turn) -> Turn? {
        switch turn.phase {
        case .train: turn.step < lastStep ? Turn(.train, step: turn.step + 1) : Turn(.closing, step: lastStep)
        case .closing: evaluationBatches > 0 ? Turn(.evaluation, step: 1) : nil
        case .evaluation: turn.step < evaluationBatches ? Turn(.evaluation, step: turn.step + 1) : nil
        }
    }
}
