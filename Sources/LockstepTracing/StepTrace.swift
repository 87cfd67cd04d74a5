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
        var text = Array("00-".utf8)
        for (index, byte) in builder.finalize().bytes.prefix(24).enumerated() {
            if index == 16 { text.append(UInt8(ascii: "-")) }
            HexadecimalDigits.append(byte, to: &text)
        }
        text.append(contentsOf: "-01".utf8)
        return [
            (TraceParent.key, String(decoding: text, as: UTF8.self)),
            (TraceParent.stateKey, TraceParent.nameOnly),
        ]
    }
}
