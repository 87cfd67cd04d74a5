/// Where a worker is.
package enum Stage: String, Sendable, Codable, CaseIterable, CustomStringConvertible {
    case preparing
    case idle
    /// Stands still for the next generation, or is about to.
    case freezing
    case linking
    /// Trials before the start.
    case measuring
    /// Copies the state that the generation starts from.
    case levelling
    /// Is fed by a member, or waits for that.
    case observing
    case load
    case forward
    case backward
    case allReduce = "all-reduce"
    case controlRecord = "control record"
    case update
    case snapshot
    case validation
    case evaluation

    package var description: String { rawValue }

    /// Whether a worker may be there that has completed a turn which is no training step, and says so. What all agreed on is
    /// said in the midst of an update, maybe long after others had said it.
    var isAfterTurnWithoutStep: Bool {
        switch self {
        case .forward, .controlRecord, .validation, .evaluation: true
        default: false
        }
    }

    /// Whether a worker at work is there, and not one that prepares for it.
    var isOfStep: Bool {
        switch self {
        case .preparing, .linking, .measuring, .levelling, .observing, .freezing: false
        case .idle, .load, .forward, .backward, .allReduce, .controlRecord, .update, .snapshot, .validation,
            .evaluation:
            true
        }
    }
}
