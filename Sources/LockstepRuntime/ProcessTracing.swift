internal import LockstepJobs
internal import LockstepTracing
internal import Tracing

/// Where a process's spans go: to the backend that the program brought, else to Lockstep's own tracer and into files of
/// the run directory.
struct ProcessTracing: Sendable {
    let tracer: any Tracing.Tracer
    /// Finished spans of Lockstep's own tracer; nil with any other.
    let sink: SpanSink?

    /// - Parameters:
    ///   - backend: what `InstrumentationSystem` was given; one that does nothing counts as none.
    ///   - process: `coordinator`, or the worker's name.
    init(backend: any Tracing.Tracer, process: String, host: String, settings: TraceSettings) {
        guard backend is NoOpTracer else {
            tracer = backend
            sink = nil
            return
        }
        let sink = SpanSink(
            process: process, host: host, version: lockstepVersion,
            policy: TracePolicy(slow: settings.slow, sample: settings.sample, isOff: settings.isOff))
        tracer = SpanTracer(sink: sink)
        self.sink = sink
    }
}
