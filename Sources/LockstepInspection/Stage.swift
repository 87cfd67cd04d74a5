/// A part of a step.
package enum Stage: String, Sendable, CaseIterable {
    case load, forward, backward
    case allReduce = "all-reduce"
    case update, snapshot
    /// What no stage covers.
    case other

    init?(spanName: String) {
        guard let stage = Stage(rawValue: spanName), stage != .other else { return nil }
        self = stage
    }

    var index: Int {
        switch self {
        case .load: 0
        case .forward: 1
        case .backward: 2
        case .allReduce: 3
        case .update: 4
        case .snapshot: 5
        case .other: 6
        }
    }

    /// Where stages overlap, time counts for the first of these: computation hides communication, and both hide
    /// waiting for data or disks.
    static let precedence: [Stage] = [.backward, .forward, .update, .allReduce, .snapshot, .load]
}
