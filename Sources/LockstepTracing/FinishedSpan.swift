internal import Tracing

/// All that is known of a span when it has ended.
struct FinishedSpan: Sendable {
    var name: String
    let context: SpanContext
    /// The span above it; nil at the top of a trace.
    let parent: SpanContext?
    let kind: SpanKind
    /// Nanoseconds since 1970; `end` is never before `start`.
    let start: UInt64
    let end: UInt64
    var attributes: SpanAttributes
    let events: [SpanEvent]
    let links: [SpanLink]
    let status: SpanStatus?
    let droppedEvents: Int
    let droppedLinks: Int

    var isFailed: Bool { status?.code == .error }
}
