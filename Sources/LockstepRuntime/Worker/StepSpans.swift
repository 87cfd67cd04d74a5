internal import LockstepCluster
internal import LockstepCollectives
internal import Tracing

/// The spans of a worker. `docs/architecture.md` lists them. They are made after the fact from times that were taken on
/// the way, so that tracing is never on a step's path.
struct StepSpans {
    private let tracer: any Tracing.Tracer
    private let worker: String
    private var parent = ServiceContext.topLevel
    private var generation: UInt32 = 0
    private var evaluationStart: UInt64?

    init(tracer: any Tracing.Tracer, worker: String) {
        self.tracer = tracer
        self.worker = worker
    }

    /// Spans from now on are children of the coordinator's.
    mutating func begin(_ fields: [ContextField], generation: UInt32) {
        parent = TraceContext.context(of: fields, tracer: tracer)
        self.generation = generation
    }

    func record(_ turn: Turn, times: TurnTimes, start: UInt64, exchanged: UInt64, end: UInt64) {
        let step = span("step", in: parent, from: start)
        step.attributes["step"] = Int64(turn.step)
        let parts: [(String, UInt64, UInt64)] = [
            ("load", times.loadStart, times.loadEnd), ("forward", times.loadEnd, times.forwardEnd),
            ("backward", times.forwardEnd, times.backwardEnd), ("all-reduce", times.backwardEnd, exchanged),
            ("update", exchanged, end),
        ]
        for (name, from, to) in parts {
            span(name, in: step.context, from: from).end(at: StepInstant(monotonic: to))
        }
        step.end(at: StepInstant(monotonic: end))
    }

    mutating func beginEvaluation(at start: UInt64) { evaluationStart = start }

    func endEvaluation(at end: UInt64) {
        guard let evaluationStart else { return }
        span("evaluation", in: parent, from: evaluationStart).end(at: StepInstant(monotonic: end))
    }

    private func span(_ name: String, in context: ServiceContext, from start: UInt64) -> any Span {
        let span = tracer.startSpan(name, context: context, ofKind: .internal, at: StepInstant(monotonic: start))
        span.attributes["worker"] = worker
        span.attributes["generation"] = Int64(generation)
        return span
    }
}
