/// A finished span as far as the inspection needs it.
package struct TraceSpan: Sendable, Hashable {
    /// Why a step was kept.
    package enum Reason: String, Sendable, Hashable {
        case sample, failed, slow, first
    }

    /// Index into `Trace.processes`.
    package var process: Int
    /// Foreign text.
    package var name: String
    package var identifier: UInt64
    package var parent: UInt64?
    /// Nanoseconds since 1970 by the clock of the process, `start` ≤ `end` < 2⁶³.
    package var start: UInt64
    package var end: UInt64
    package var step: UInt32?
    package var epoch: UInt32?
    package var generation: UInt32?
    package var isFailed = false
    package var reason: Reason?
    /// The member that an all-reduce waited for last. Foreign text.
    package var waitedFor: String?
    /// Of an incident: what happened. Foreign text.
    package var message: String?

    package init(process: Int, name: String, identifier: UInt64, parent: UInt64?, start: UInt64, end: UInt64) {
        self.process = process
        self.name = name
        self.identifier = identifier
        self.parent = parent
        self.start = start
        self.end = end
    }

    package var duration: UInt64 { end - start }
}
