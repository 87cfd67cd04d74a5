package import Tracing

/// Where a span stands: its trace, its number, and what it hands down to spans beneath it.
package struct SpanContext: Sendable {
    package let trace: TraceIdentifier
    package let span: UInt64
    /// Whether spans beneath it are recorded.
    package let isSampled: Bool
    /// Whether the span belongs to another process.
    package let isRemote: Bool
    /// Whether there is no such span: the context names a trace only.
    package let isNameOnly: Bool
    /// `tracestate` of other vendors.
    package let state: String
    /// The step that spans beneath it belong to.
    let group: SpanGroup?
}

private enum SpanContextKey: InstrumentationContextKey {
    typealias Value = SpanContext
    static var nameOverride: String? { "lockstep-span" }
}

extension InstrumentationContext {
    /// The span of `SpanTracer` that this context stands for.
    package var lockstepSpan: SpanContext? {
        get { self[SpanContextKey.self] }
        set { self[SpanContextKey.self] = newValue }
    }
}
