package import LockstepCollectives

extension WorkerCore {
    package enum State: Sendable, Equatable {
        /// No WELCOME yet.
        case connecting
        case preparing
        /// Stands still with the state that it has made, and waits for START.
        case prepared
        /// Makes the links of a generation that measures, or carries out this trial.
        case measuring(number: Int)
        /// Has told what it measured; waits for the next trial, START or a freeze.
        case measured
        /// Preflight failed; waits for the end.
        case unable(Unable)
        case linking
        /// Copies the state that the generation starts from.
        case levelling
        /// Begins this turn when the coordinator has more of its reports.
        case waiting(Turn)
        case computing(Turn)
        case exchanging(Turn)
        /// Two others computed the audited lane of this turn differently; this worker computes it too.
        case auditing(Turn)
        case updating(Turn)
        /// The last batch of a validation is summed.
        case judging(Turn)
        /// Promised to stand still: the computation ends.
        case parking
        /// Promised to stand still: members whose links are lost are dialled once more.
        case reaching
        /// Promised to stand still: the state is hashed.
        case freezing
        case frozen
        /// Takes what a member feeds it, or waits for one that does.
        case observing
        /// Promised to stand still: takes what its source does until that stands still too.
        case draining
        /// Applied nothing, and waits for a freeze or the end.
        case halted
        /// All turns are over.
        case done
        case ended
    }

    /// Whether a generation goes on.
    var isWorking: Bool {
        switch state {
        case .measuring, .measured, .linking, .levelling, .waiting, .computing, .exchanging, .auditing, .updating,
            .judging:
            true
        case .connecting, .preparing, .prepared, .unable, .parking, .reaching, .freezing, .frozen, .observing,
            .draining, .halted, .done, .ended:
            false
        }
    }
}
