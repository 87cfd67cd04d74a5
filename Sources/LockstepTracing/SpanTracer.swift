package import Tracing

/// Lockstep's own backend of swift-distributed-tracing: spans go to a `SpanSink`. Any other backend takes its place
/// where `InstrumentationSystem.bootstrap` is given one.
package struct SpanTracer: Tracer {
    package let sink: SpanSink
    private let identifiers: SpanIdentifiers

    package init(sink: SpanSink) {
        self.sink = sink
        identifiers = SpanIdentifiers()
    }

    package func startSpan<Instant: TracerInstant>(
        _ operationName: String, context: @autoclosure () -> InstrumentationContext, ofKind kind: SpanKind,
        at instant: @autoclosure () -> Instant, function: String, file fileID: String, line: UInt
    ) -> RecordedSpan {
        var context = context()
        let above = context.lockstepSpan
        let isStep = above?.isNameOnly ?? false
        let own = SpanContext(
            trace: above?.trace ?? identifiers.trace(), span: identifiers.span(),
            isSampled: (above?.isSampled ?? true) && !sink.policy.isOff, isRemote: false, isNameOnly: false,
            state: above?.state ?? "", group: isStep ? SpanGroup() : above?.group)
        context.lockstepSpan = own
        return RecordedSpan(
            name: operationName, context: context, own: own, parent: isStep ? nil : above, kind: kind,
            start: instant().nanosecondsSinceEpoch, sink: sink)
    }

    /// Nothing to do: spans are with the sink when they end.
    package func forceFlush() {}

    package func extract<Carrier, Extract: Extractor>(
        _ carrier: Carrier, into context: inout InstrumentationContext, using extractor: Extract
    ) where Extract.Carrier == Carrier {
        guard let parent = extractor.extract(key: TraceParent.key, from: carrier) else { return }
        let state = extractor.extract(key: TraceParent.stateKey, from: carrier)
        if let extracted = TraceParent.parse(parent, state: state) { context.lockstepSpan = extracted }
    }

    package func inject<Carrier, Inject: Injector>(
        _ context: InstrumentationContext, into carrier: inout Carrier, using injector: Inject
    ) where Inject.Carrier == Carrier {
        guard let span = context.lockstepSpan else { return }
        injector.inject(TraceParent.text(of: span), forKey: TraceParent.key, into: &carrier)
        let state = (span.isNameOnly ? [TraceParent.nameOnly] : []) + (span.state.isEmpty ? [] : [span.state])
        if !state.isEmpty {
            injector.inject(state.joined(separator: ","), forKey: TraceParent.stateKey, into: &carrier)
        }
    }
}
