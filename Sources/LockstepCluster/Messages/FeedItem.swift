package import LockstepCore

/// One thing that a source tells those whom it feeds, in the order in which it happened.
///
/// Bulk follows an item: after `state` the vectors and the numbers beside them, after `step` the total of the gradient as it
/// was applied. An item is complete when that is there too.
package struct FeedItem: Sendable, Equatable {
    package enum Content: Sendable, Equatable {
        /// What the source has done up to the state that follows, and may not have reported yet.
        case reports(steps: [StepReport], evaluations: [EvaluationReport])
        /// A copy of the whole state follows; what was fed before does not count any more.
        case state(StatePoint)
        /// S(step − 1) became S(step).
        case step(FedStep)
        /// S(step) was judged.
        case judgement(FedJudgement)
        /// The source stands still at this state, for the generation that it has promised.
        case still(promised: UInt32, StatePoint)
        /// The generation of the item begins, and its source is a member of it. A copy follows where the start is not
        /// what was fed last.
        case begins(start: StatePoint, stateHash: StateHash, wholeHash: StateHash?)
        /// What was to follow is left out, for it was too much to keep; a copy comes later.
        case gap
    }

    /// In which it happened: the one that the source runs.
    package var generation: UInt32
    package var content: Content

    package init(generation: UInt32, _ content: Content) {
        self.generation = generation
        self.content = content
    }

    /// An observer does not read on while so many complete items wait to be taken.
    package static let mostWaiting = 4
}

/// A training step that the members of a generation have done.
package struct FedStep: Sendable, Equatable {
    package var step: UInt32
    /// Sums over all lanes: loss, weight, then the metrics'.
    package var totals: [Double]
    /// For each member, in roster order, the hash over the numbers of its samples.
    package var sampleHashes: [UInt64]
    /// What all members said of S(step − 1); nil where a worker alone did not hash it.
    package var stateHash: StateHash?
    /// What the step took the source.
    package var seconds: Double

    package init(
        step: UInt32, totals: [Double], sampleHashes: [UInt64], stateHash: StateHash?, seconds: Double
    ) {
        self.step = step
        self.totals = totals
        self.sampleHashes = sampleHashes
        self.stateHash = stateHash
        self.seconds = seconds
    }
}

/// A validation that is over.
package struct FedJudgement: Sendable, Equatable {
    package var step: UInt32
    /// Loss, weight, then the metrics', over all batches.
    package var sums: [Double]
    /// Over all that the judgement left in the source's state beside the parameters.
    package var watchHash: UInt64

    package init(step: UInt32, sums: [Double], watchHash: UInt64) {
        self.step = step
        self.sums = sums
        self.watchHash = watchHash
    }
}

/// What became of an item that an observer took.
package enum FeedOutcome: Sendable, Equatable {
    /// The copy has taken the place of the own state; the hashes are of the copy as it came.
    case copied(HeldState)
    /// The observer holds S(report.step).
    case stepped(StepReport)
    /// As `WorkerEvent.judged`.
    case judged(isStopping: Bool, snapshots: Bool, watchHash: UInt64)
    /// The own S(step − 1) has this hash, not that of the members. Nothing was applied.
    case differs(StateHash)
    /// There was nothing to do to the state: `reports`, `still`, `begins`, `gap`.
    case noted
    /// Nothing was changed.
    case failed(reason: String)
}
