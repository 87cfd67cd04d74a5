/// One exchange between all workers of a generation.
package struct Turn: Sendable, Hashable, CustomStringConvertible {
    package enum Phase: UInt8, Sendable {
        /// A training step: sums of gradients and a control record.
        case train = 0
        /// A batch of the evaluation: a control record only.
        case evaluation = 1
        /// The record after the last step, which compares the hash of S(T).
        case closing = 2
    }

    package let phase: Phase
    /// The training step, counted from 1; the batch of the evaluation, counted from 1; or T in the closing turn.
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

    /// Whether gradients are summed in this turn.
    package var hasGradients: Bool { phase == .train }

    package var description: String {
        switch phase {
        case .train: "step \(step)"
        case .evaluation: "batch \(step) of the evaluation"
        case .closing: "the closing record after step \(step)"
        }
    }
}
