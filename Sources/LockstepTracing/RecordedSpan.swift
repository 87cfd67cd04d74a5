internal import Synchronization
package import Tracing

/// A span of `SpanTracer`. Once it has ended nothing changes it.
package final class RecordedSpan: Tracing.Span {
    /// OpenTelemetry's default limits.
    static let eventLimit = 128

    package let context: InstrumentationContext
    private let own: SpanContext
    private let parent: SpanContext?
    private let kind: SpanKind
    private let start: UInt64
    private let sink: SpanSink
    private let state: Mutex<State>

    private struct State {
        var name: String
        var attributes: SpanAttributes = [:]
        var events: [SpanEvent] = []
        var links: [SpanLink] = []
        var status: SpanStatus?
        var droppedEvents = 0
        var droppedLinks = 0
        var isRecording: Bool
    }

    init(
        name: String, context: InstrumentationContext, own: SpanContext, parent: SpanContext?, kind: SpanKind,
        start: UInt64, sink: SpanSink
    ) {
        self.context = context
        self.own = own
        self.parent = parent
        self.kind = kind
        self.start = start
        self.sink = sink
        state = Mutex(State(name: name, isRecording: own.isSampled))
    }

    package var isRecording: Bool { state.withLock { $0.isRecording } }

    package var operationName: String {
        get { state.withLock { $0.name } }
        set { change { $0.name = newValue } }
    }

    package var attributes: SpanAttributes {
        get { state.withLock { $0.attributes } }
        set { change { $0.attributes = newValue } }
    }

    package func setStatus(_ status: SpanStatus) { change { $0.status = status } }

    package func addEvent(_ event: SpanEvent) {
        change { state in
            guard state.events.count < RecordedSpan.eventLimit else { return state.droppedEvents += 1 }
            state.events.append(event)
        }
    }

    package func addLink(_ link: SpanLink) {
        change { state in
            guard state.links.count < RecordedSpan.eventLimit else { return state.droppedLinks += 1 }
            state.links.append(link)
        }
    }

    /// Adds the error as an event and makes the span a failed one.
    package func recordError<Instant: TracerInstant>(
        _ error: any Error, attributes: SpanAttributes, at instant: @autoclosure () -> Instant
    ) {
        guard isRecording else { return }
        let text = String(describing: error)
        var attributes = attributes
        attributes.set("exception.type", value: .string(String(describing: type(of: error))))
        attributes.set("exception.message", value: .string(text))
        addEvent(SpanEvent(name: "exception", at: instant(), attributes: attributes))
        change { state in
            if state.status == nil { state.status = SpanStatus(code: .error, message: text) }
        }
    }

    package func end<Instant: TracerInstant>(at instant: @autoclosure () -> Instant) {
        let ended: State? = state.withLock { state in
            guard state.isRecording else { return nil }
            state.isRecording = false
            return state
        }
        guard let ended else { return }
        sink.finish(
            FinishedSpan(
                name: ended.name, context: own, parent: parent, kind: kind, start: start,
                end: max(start, instant().nanosecondsSinceEpoch), attributes: ended.attributes, events: ended.events,
                links: ended.links, status: ended.status, droppedEvents: ended.droppedEvents,
                droppedLinks: ended.droppedLinks))
    }

    private func change(_ body: (inout State) -> Void) {
        state.withLock { state in
            if state.isRecording { body(&state) }
        }
    }
}
