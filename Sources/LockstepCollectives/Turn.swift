/// One exchange between all workers of a generation.
package struct Turn: Sendable, Hashable, CustomStringConvertible {
    package enum Phase: UInt8, Sendable, CaseIterable {
        /// A training step: sums of gradients and a control record.
        case train = 0
        /// A batch of the evaluation at the end: a control record only.
        case evaluation = 1
        /// The record after the last step, which compares the hash of the last state.
        case closing = 2
        /// A batch of the validation after an epoch: a control record only.
        case validation = 3
        /// The record after a validation, which compares what was judged and the hash of the state.
        case decision = 4
        /// A vector that is nobody's gradient, summed to measure: sums and a control record.
        case trial = 5
    }

    package let phase: Phase
    /// The training step, counted from 1; the batch of the evaluation, counted from 1; the batch of the validations,
    /// counted from 1 throughout the run; the round of the trial, counted from 1; in closing and decision turns the last
    /// training step.
    package let step: UInt32

    package init(_ phase: Phase, step: UInt32) {
        self.phase = phase
        self.step = step
    }

    /// The turn that a frame names, or nil where its phase is unknown.
    package init?(_ header: FrameHeader) {
        guard let phase = Phase(rawValue: header.phase) else { return nil }
        self.init(phase, step: header.step)
    }

    /// Whether vectors are summed in this turn.
    package var hasGradients: Bool { phase == .train || phase == .trial }

    /// Whether samples are computed in this turn.
    package var hasBatch: Bool {
        switch phase {
        case .train, .evaluation, .validation: true
        case .closing, .decision, .trial: false
        }
    }

    package var description: String {
        switch phase {
        case .train: "step \(step)"
        case .evaluation: "batch \(step) of the evaluation"
        case .closing: "the closing record after step \(step)"
        case .validation: "batch \(step) of the validations"
        case .decision: "the decision after step \(step)"
        case .trial: "round \(step) of the trial"
        }
    }
}
