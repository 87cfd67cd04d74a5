internal import LockstepCore

/// The trace of a step. All processes derive it from the run and the step's number, so that their spans meet without
/// any message.
package enum StepTrace {
    /// What a tracer extracts before it starts a process's span of `step`: a W3C `traceparent` with the derived trace.
    ///
    /// With `SpanTracer` the span becomes the top of its process's part; another backend that speaks W3C Trace Context
    /// hangs it under a parent that has no span of its own.
    package static func fields(run: String, step: UInt64) -> [(key: String, value: String)] {
        var builder = DigestBuilder()
        builder.update("lockstep step trace")
        builder.update(run)
        builder.update(step)
        let digits = builder.finalize().description
        return [
            (TraceParent.key, "00-\(digits.prefix(32))-\(digits.dropFirst(32).prefix(16))-01"),
            (TraceParent.stateKey, TraceParent.nameOnly),
        ]
    }
}
