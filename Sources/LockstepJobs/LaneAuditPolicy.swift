/// How often a lane is computed twice, by two workers, and compared before anything is applied. Operational: no part of a job's
/// digest, for it changes no bit.
public struct LaneAuditPolicy: Sendable, Hashable {
    /// In every step whose number is a multiple of this; nil for never.
    public var everySteps: Int?

    public init(everySteps: Int? = nil) { self.everySteps = everySteps }
}
