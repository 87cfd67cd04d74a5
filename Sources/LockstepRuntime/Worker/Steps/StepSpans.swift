internal import LockstepCluster
internal import LockstepCollectives
internal import LockstepCore
internal import LockstepTracing
internal import NIOCore
internal import Tracing

/// The spans of a worker. `docs/tracing.md` lists them. They are made after the fact from times that were taken on the
/// way, so that tracing is never on a step's path.
struct StepSpans {
    private let tracer: any Tracing.Tracer
    /// Lockstep's own tracer keeps spans here; any other backend has its own way.
    private let sink: SpanSink?
    private let send: (ByteBuffer) -> Void
    private let worker: String
    private let run: String
    private var fields: [ContextField] = []
    private var parent = ServiceContext.topLevel
    private var generation: UInt32 = 0
    private var evaluationStart: UInt64?

    /// - Parameter send: takes lines of finished spans.
    init(
        tracer: any Tracing.Tracer, sink: SpanSink?, worker: String, run: String,
        send: @escaping (ByteBuffer) -> Void
    ) {
        self.tracer = tracer
        self.sink = sink
        self.worker = worker
        self.run = run
        self.send = send
    }

    /// Spans from now on belong to the run's trace, steps to their own, which is the same in every process.
    mutating func begin(_ fields: [ContextField], generation: UInt32) {
        parent = TraceContext.context(of: fields, tracer: tracer)
        self.fields = fields.filter { $0.key != "traceparent" && $0.key != "tracestate" }
        self.generation = generation
    }

    /// What is known of a step when it is done.
    struct Step {
        let turn: Turn
        let epoch: Int
        let times: TurnTimes
        let start: UInt64
        let exchanged: UInt64
        let updated: UInt64
        var end: UInt64
        /// When the share of the state was put aside for a snapshot.
        var snapshot: Range<UInt64>?
        /// The member whose part came last.
        let waitedFor: String?
        /// When the buckets left and were summed; until the next turn begins.
        let buckets: BucketTimes
    }

    func record(_ step: Step) {
        guard sink?.passesOver(step: UInt64(step.turn.step), duration: step.end - step.start) != true else { return }
        let context = context(ofStep: step.turn.step)
        let span = span(TraceName.step, in: context, from: step.start)
        span.attributes[TraceName.stepNumber] = Int64(step.turn.step)
        span.attributes[TraceName.epoch] = Int64(step.epoch)
        span.addLink(SpanLink(context: parent, attributes: [:]))
        let times = step.times
        part(TraceName.load, in: span, times.loadStart..<times.loadEnd)
        part(TraceName.forward, in: span, times.loadEnd..<max(times.loadEnd, times.forwardEnd))
        part(TraceName.backward, in: span, times.forwardEnd..<max(times.forwardEnd, times.backwardEnd))
        // From the first bucket's leaving; before the end of backward it is covered by computation.
        let firstReady = min(step.buckets.firstReady ?? times.backwardEnd, times.backwardEnd)
        part(TraceName.allReduce, in: span, firstReady..<max(firstReady, step.exchanged)) { span in
            span.attributes[TraceName.exposedNanoseconds] = Int64(
                clamping: max(step.exchanged, times.backwardEnd) - times.backwardEnd)
            span.attributes[TraceName.buckets] = Int64(step.buckets.bucketCount)
            span.attributes[TraceName.firstBucketNanoseconds] = Int64(
                clamping: max(firstReady, step.start) - step.start)
            if let name = step.waitedFor { span.attributes[TraceName.waitedFor] = name }
        }
        bucketParts(step.buckets, in: span)
        part(TraceName.update, in: span, step.exchanged..<step.updated)
        if let snapshot = step.snapshot { part(TraceName.snapshot, in: span, snapshot) }
        span.end(at: StepInstant(monotonic: step.end))
        flush()
    }

    /// Where there is one bucket, the all-reduce says it all.
    private func bucketParts(_ buckets: BucketTimes, in step: any Span) {
        guard buckets.bucketCount > 1 else { return }
        for bucket in 0..<min(buckets.bucketCount, StepSpans.mostBuckets) {
            guard let time = buckets.times(of: bucket) else { continue }
            part(TraceName.bucket, in: step, time) { $0.attributes[TraceName.bucketNumber] = Int64(bucket) }
        }
    }

    /// A step of more has spans of the first ones only.
    private static let mostBuckets = 64

    /// A step that was begun and never applied.
    func recordBrokenStep(_ turn: Turn, start: UInt64, end: UInt64, reason: String) {
        let span = span(TraceName.step, in: context(ofStep: turn.step), from: start)
        span.attributes[TraceName.stepNumber] = Int64(turn.step)
        span.setStatus(SpanStatus(code: .error, message: reason))
        span.end(at: StepInstant(monotonic: end))
        flush()
    }

    mutating func beginEvaluation(at start: UInt64) { evaluationStart = start }

    mutating func endEvaluation(at end: UInt64) {
        guard let start = evaluationStart else { return }
        evaluationStart = nil
        span("evaluation", in: parent, from: start).end(at: StepInstant(monotonic: end))
        flush()
    }

    private func context(ofStep step: UInt32) -> ServiceContext {
        let derived = StepTrace.fields(run: run, step: UInt64(step)).map { ContextField(key: $0.key, value: $0.value) }
        return TraceContext.context(of: fields + derived, tracer: tracer)
    }

    private func part(
        _ name: String, in step: any Span, _ time: Range<UInt64>, _ describe: (any Span) -> Void = { _ in }
    ) {
        let span = span(name, in: step.context, from: time.lowerBound)
        describe(span)
        span.end(at: StepInstant(monotonic: time.upperBound))
    }

    private func span(_ name: String, in context: ServiceContext, from start: UInt64) -> any Span {
        let span = tracer.startSpan(name, context: context, ofKind: .internal, at: StepInstant(monotonic: start))
        span.attributes[TraceName.worker] = worker
        span.attributes[TraceName.generation] = Int64(generation)
        return span
    }

    private func flush() {
        guard let lines = sink?.takeLines(), !lines.isEmpty else { return }
        send(ByteBuffer(bytes: lines))
    }
}
