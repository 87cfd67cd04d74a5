import InMemoryTracing
import LockstepFormats
import LockstepTracing
import Testing
import Tracing

/// The same calls, whatever tracer is behind them.
@Suite struct ReplaceabilityTests {
    @Test func anotherTracerTakesItsPlace() {
        let tracer = InMemoryTracer()
        let run = tracer.startSpan("run", context: .topLevel, ofKind: .internal)
        var fields: [String: String] = [:]
        tracer.inject(run.context, into: &fields, using: Fields())
        StepWork(tracer: tracer, runFields: fields).step(3)
        let spans = tracer.finishedSpans
        #expect(
            spans.map(\.operationName).sorted() == [
                "all-reduce", "backward", "forward", "load", "snapshot", "step", "update",
            ])
        #expect(spans.allSatisfy { $0.traceID == run.traceID })
        #expect(spans.first { $0.operationName == "step" }?.parentSpanID == run.spanID)
    }

    @Test func withSpanWorksWithOurs() throws {
        let sink = SpanSink(process: "w0")
        withTracer(SpanTracer(sink: sink)) {
            withSpan("outer") { _ in withSpan("inner") { $0.attributes["k"] = "v" } }
        }
        let spans = try sink.takeSpans()
        try #require(spans.map { $0["name"] } == ["inner", "outer"])
        #expect(spans[0]["parentSpanId"] == spans[1]["spanId"])
        #expect(spans[0]["traceId"] == spans[1]["traceId"])
    }
}
