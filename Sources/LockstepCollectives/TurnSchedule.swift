/// The turns of a generation in order, the same in every process: the training steps that are left, after each epoch its
/// validation and the decision on it, then the closing record and the batches of the evaluation. Or the rounds of a trial.
package struct TurnSchedule: Sendable, Hashable {
    /// What is computed after each epoch of a job that watches something.
    package struct Validation: Sendable, Hashable {
        /// In one validation, at least 1.
        package let batches: UInt32
        /// At least 1.
        package let stepsPerEpoch: UInt32

        package init(batches: UInt32, stepsPerEpoch: UInt32) {
            precondition(batches > 0 && stepsPerEpoch > 0, "a validation has batches, and an epoch has steps")
            self.batches = batches
            self.stepsPerEpoch = stepsPerEpoch
        }
    }

    package let stepsDone: UInt32
    /// Whether the state that the turns start from has the judgement that belongs to it. Else its validation comes first.
    package let isJudged: Bool
    package let lastStep: UInt32
    package let evaluationBatches: UInt32
    package let validation: Validation?
    /// Whether training was stopped early at `stepsDone`: only the end is left.
    package let isStopped: Bool
    /// The rounds of the trial that this is; nil where the turns are those of a job.
    package let trialRounds: UInt32?

    /// - Parameter trialRounds: at least 1, those that warm up among them.
    package init(trialRounds: UInt32) {
        precondition(trialRounds > 0, "a trial has rounds")
        stepsDone = 0
        isJudged = true
        lastStep = 0
        evaluationBatches = 0
        validation = nil
        isStopped = false
        self.trialRounds = trialRounds
    }

    /// - Parameters:
    ///   - stepsDone: n*, the step whose state the generation starts from; at most `lastStep`.
    ///   - isJudged: false where an epoch ends there and its validation is not part of the state yet.
    ///   - lastStep: T, the last step of the job.
    ///   - evaluationBatches: 0 where nothing is evaluated.
    ///   - validation: nil where nothing is watched. The batches of all epochs together must be fewer than 2³².
    package init(
        stepsDone: UInt32, isJudged: Bool = true, lastStep: UInt32, evaluationBatches: UInt32,
        validation: Validation? = nil, isStopped: Bool = false
    ) {
        precondition(stepsDone <= lastStep, "a generation starts at or before the last step")
        if let validation, lastStep > 0 {
            let epochs = (lastStep - 1) / validation.stepsPerEpoch + 1
            precondition(!epochs.multipliedReportingOverflow(by: validation.batches).overflow, "too many validations")
        }
        self.stepsDone = stepsDone
        self.isJudged = isJudged
        self.lastStep = lastStep
        self.evaluationBatches = evaluationBatches
        self.validation = validation
        self.isStopped = isStopped
        trialRounds = nil
        precondition(isJudged || isValidated(afterStep: stepsDone), "only what is validated lacks a judgement")
    }

    package var first: Turn {
        if trialRounds != nil { return Turn(.trial, step: 1) }
        let validation = isJudged ? nil : firstValidation(afterStep: stepsDone)
        return validation ?? afterState(stepsDone, isStopping: isStopped)
    }

    /// The turn after `turn`, or nil after the last one.
    ///
    /// - Parameter isStopping: whether the judgement stops training; counts after a decision only. Known to all before
    ///   the decision turn begins.
    package func successor(of turn: Turn, isStopping: Bool = false) -> Turn? {
        switch turn.phase {
        case .train:
            firstValidation(afterStep: turn.step) ?? afterState(turn.step, isStopping: false)
        case .validation:
            isLastOfValidation(turn)
                ? Turn(.decision, step: validatedStep(of: turn)) : Turn(.validation, step: turn.step + 1)
        case .decision: afterState(turn.step, isStopping: isStopping)
        case .closing: evaluationBatches > 0 ? Turn(.evaluation, step: 1) : nil
        case .evaluation: turn.step < evaluationBatches ? Turn(.evaluation, step: turn.step + 1) : nil
        case .trial: turn.step < trialRounds ?? 0 ? Turn(.trial, step: turn.step + 1) : nil
        }
    }

    /// The first turn in which vectors are summed if no decision stops training, or nil.
    var firstSum: Turn? {
        if first.phase == .validation { return nextSum(after: Turn(.train, step: stepsDone)) }
        return first.hasGradients ? first : nil
    }

    /// The turn after `turn` in which vectors are summed if no decision stops training, or nil.
    func nextSum(after turn: Turn) -> Turn? {
        switch turn.phase {
        case .train: turn.step < lastStep ? Turn(.train, step: turn.step + 1) : nil
        default: successor(of: turn)
        }
    }

    /// Whether nothing comes after `turn`.
    package func isLast(_ turn: Turn) -> Bool { successor(of: turn) == nil }

    /// Whether S(`step`) is judged by a validation before it is whole.
    package func isValidated(afterStep step: UInt32) -> Bool { firstValidation(afterStep: step) != nil }

    /// Whether `turn` is the last batch of its validation.
    package func isLastOfValidation(_ turn: Turn) -> Bool {
        guard turn.phase == .validation, let validation else { return false }
        return turn.step.isMultiple(of: validation.batches)
    }

    /// The epoch, counted from 1, that a batch of the validations belongs to.
    package func epoch(ofValidation turn: Turn) -> UInt32 {
        guard let validation, turn.step > 0 else { return 0 }
        return (turn.step - 1) / validation.batches + 1
    }

    /// The batch of the validation set, counted from 1, that a batch of the validations is.
    package func batch(ofValidation turn: Turn) -> UInt32 {
        guard let validation, turn.step > 0 else { return 0 }
        return (turn.step - 1) % validation.batches + 1
    }

    /// What follows a state that needs no judgement any more.
    private func afterState(_ step: UInt32, isStopping: Bool) -> Turn {
        step < lastStep && !isStopping ? Turn(.train, step: step + 1) : Turn(.closing, step: step)
    }

    private func firstValidation(afterStep step: UInt32) -> Turn? {
        guard let validation, step > 0, step == lastStep || step.isMultiple(of: validation.stepsPerEpoch) else {
            return nil
        }
        return Turn(.validation, step: (step - 1) / validation.stepsPerEpoch * validation.batches + 1)
    }

    /// The step whose state a batch of the validations computes with.
    private func validatedStep(of turn: Turn) -> UInt32 {
        guard let validation else { return lastStep }
        let (end, overflow) = epoch(ofValidation: turn).multipliedReportingOverflow(by: validation.stepsPerEpoch)
        return overflow ? lastStep : min(end, lastStep)
    }
}
