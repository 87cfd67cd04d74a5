/// Where a worker is.
package enum Stage: String, Sendable, Codable, CaseIterable, CustomStringConvertible {
    case preparing
    case idle
    case linking
    /// Trials before the start.
    case measuring
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
}
