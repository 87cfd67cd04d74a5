import LockstepTracing
import Testing
import Tracing

@Suite struct TraceParentTests {
    private let tracer = SpanTracer(sink: SpanSink(process: "w0"))

    private func extract(_ fields: [String: String]) -> ServiceContext {
        var context = ServiceContext.topLevel
        tracer.extract(fields, into: &context, using: Fields())
        return context
    }

    private func inject(_ context: ServiceContext) -> [String: String] {
        var fields: [String: String] = [:]
        tracer.inject(context, into: &fields, using: Fields())
        return fields
    }

    @Test(arguments: [
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
        "00-00000000000000000000000000000001-0000000000000001-01",
        "00-ffffffffffffffffffffffffffffffff-ffffffffffffffff-01",
    ])
    func comesBackAsItWent(parent: String) {
        #expect(inject(extract(["traceparent": parent])) == ["traceparent": parent])
    }

    @Test func laterVersionsAndOtherFlagsAreUnderstood() {
        let known = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        for parent in [
            "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-comes-later",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-ff",
        ] { #expect(inject(extract(["traceparent": parent])) == ["traceparent": known]) }
    }

    @Test(arguments: [
        "", "00", "00-", "-", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
        "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01more",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "00-0af7651916cd43dd8448eb211c80319g-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333x-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0x",
        "0x-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00_0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331_01",
        "00-0af7651916cd43dd8448eb211c80319cé7ad6b7169203331-01",
        " 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    ])
    func whatBreaksARuleCountsAsNone(parent: String) {
        #expect(inject(extract(["traceparent": parent])).isEmpty)
        let span = tracer.startSpan("x", context: extract(["traceparent": parent]), ofKind: .internal)
        #expect(inject(span.context)["traceparent"]?.utf8.count == 55)
    }

    @Test func stateOfOtherVendorsIsHandedOn() {
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        #expect(inject(extract(["traceparent": parent, "tracestate": "a=1, b=2"]))["tracestate"] == "a=1,b=2")
        let broken = ["a=\u{1B}[31m", String(repeating: "a=1,", count: 200)]
        for state in broken {
            #expect(inject(extract(["traceparent": parent, "tracestate": state]))["tracestate"] == nil)
        }
        let child = tracer.startSpan(
            "x", context: extract(["traceparent": parent, "tracestate": "a=1"]), ofKind: .internal)
        #expect(inject(child.context)["tracestate"] == "a=1")
    }

    @Test func whatIsNotSampledLeavesNothing() throws {
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
        let span = tracer.startSpan("x", context: extract(["traceparent": parent]), ofKind: .internal)
        #expect(!span.isRecording)
        #expect(inject(span.context)["traceparent"]?.hasSuffix("-00") == true)
        span.end()
        #expect(try tracer.sink.takeSpans().isEmpty)
    }

    @Test func theTraceOfAStepFollowsFromRunAndStep() {
        func parent(_ run: String, _ step: UInt64) -> String {
            StepTrace.fields(run: run, step: step).first { $0.key == "traceparent" }?.value ?? ""
        }
        #expect(parent("run", 7) == parent("run", 7))
        #expect(Set([parent("run", 7), parent("run", 8), parent("ru", 7), parent("run7", 0)]).count == 4)
        // SHA-256 over u32 19, "lockstep step trace", u32 3, "run", u64 7, little-endian.
        #expect(parent("run", 7) == "00-d00d2cbdd218ed4236039411c7789c66-a0832a81fe18aee7-01")
    }
}
