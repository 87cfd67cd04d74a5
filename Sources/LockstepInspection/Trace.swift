/// What was read from a run's span files.
package struct Trace: Sendable {
    package var processes: [TraceProcess] = []
    package var spans: [TraceSpan] = []
    package var notes = TraceNotes()

    package init() {}
}

/// A process that wrote spans.
package struct TraceProcess: Sendable, Hashable {
    /// Foreign text.
    package var name: String
    /// The machine; nil where the process did not say.
    package var host: String?

    package init(name: String, host: String? = nil) {
        self.name = name
        self.host = host
    }
}

/// What was missing or unreadable.
package struct TraceNotes: Sendable, Hashable {
    package var files = 0
    /// Lines that are no spans in OTLP's JSON form, or longer than a line may be. A last line without its end is what a
    /// killed process leaves; it is not counted.
    package var brokenLines = 0
    /// Spans that were left out because there were more than the reader takes.
    package var leftOutSpans = 0
    /// Spans that the processes themselves had no room for.
    package var droppedSpans = 0

    package init() {}
}
