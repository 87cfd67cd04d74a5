import LockstepFormats
import Testing
import Tracing

@testable import LockstepTracing

@Suite struct SpanSinkTests {
    private let keepAll = TracePolicy(sample: 1)

    @Test func aStepIsOneLineWithItsStagesBeneathIt() throws {
        let sink = SpanSink(process: "w0", host: "m", policy: keepAll)
        let work = StepWork(tracer: SpanTracer(sink: sink))
        work.step(1)
        work.step(2)
        let lines = try sink.takeValues()
        #expect(lines.count == 2)
        for (index, line) in lines.enumerated() {
            let root = try #require(line.spans.first)
            #expect(root["name"] == "step")
            #expect(root["parentSpanId"] == nil)
            #expect(root.attribute("lockstep.step")?["intValue"]?.string == "\(index + 1)")
            #expect(root.attribute("lockstep.kept")?["stringValue"] == "sample")
            #expect(
                line.spans.dropFirst().map { $0["name"]?.string }
                    == ["load", "forward", "backward", "all-reduce", "update", "snapshot"])
            #expect(line.spans.dropFirst().allSatisfy { $0["parentSpanId"] == root["spanId"] })
            #expect(line.spans.allSatisfy { $0["traceId"] == root["traceId"] })
            let expected = StepTrace.fields(run: "run-1", step: UInt64(index + 1))[0].value
            #expect(root["traceId"]?.string == String(expected.dropFirst(3).prefix(32)))
        }
        #expect(Set(lines.flatMap(\.spans).map { $0["spanId"]?.string }).count == 14)
    }

    @Test func processesMeetInOneTraceAStep() throws {
        let sinks = ["w0", "w1"].map { SpanSink(process: $0, policy: keepAll) }
        for sink in sinks { StepWork(tracer: SpanTracer(sink: sink)).step(5) }
        let roots = try sinks.map { try #require(try $0.takeSpans().first) }
        #expect(roots[0]["traceId"] == roots[1]["traceId"])
        #expect(roots[0]["spanId"] != roots[1]["spanId"])
    }

    @Test func onlyTheSampleSlowFailedAndFirstStepsAreKept() throws {
        let policy = TracePolicy(slow: 2, sample: 10)
        let sink = SpanSink(process: "w0", policy: policy)
        let work = StepWork(tracer: SpanTracer(sink: sink))
        for step in 1...200 as ClosedRange<Int64> {
            work.step(step, duration: step == 150 ? 6000 : 600, isFailed: step == 170)
        }
        var reasons: [Int: String] = [:]
        for line in try sink.takeValues() {
            let root = try #require(line.spans.first)
            let step = try #require(Int(root.attribute("lockstep.step")?["intValue"]?.string ?? ""))
            reasons[step] = root.attribute("lockstep.kept")?["stringValue"]?.string
        }
        for step in 1...200 {
            let expected: String? =
                policy.isSampled(step: UInt64(step))
                ? "sample" : step == 170 ? "failed" : step <= 10 ? "first" : step == 150 ? "slow" : nil
            #expect(reasons[step] == expected, "step \(step)")
        }
    }

    /// Also where only a stage failed, and where a stage ends after its step.
    @Test func failedStagesAndLateOnes() throws {
        let sink = SpanSink(process: "w0", policy: TracePolicy(sample: .max))
        let tracer = SpanTracer(sink: sink)
        let work = StepWork(tracer: tracer)
        for step in 1...20 as ClosedRange<Int64> { work.step(step) }
        _ = sink.takeLines()
        func root(_ step: UInt64) -> RecordedSpan {
            var context = ServiceContext.topLevel
            let fields = StepTrace.fields(run: "r", step: step)
            tracer.extract(Dictionary(uniqueKeysWithValues: fields), into: &context, using: Fields())
            return tracer.startSpan("step", context: context, ofKind: .internal, at: Moment(0))
        }
        struct Broken: Error {}
        let failing = root(30)
        let stage = tracer.startSpan("forward", context: failing.context, ofKind: .internal, at: Moment(0))
        let late = tracer.startSpan("backward", context: failing.context, ofKind: .internal, at: Moment(0))
        stage.recordError(Broken())
        stage.end(at: Moment(1))
        failing.end(at: Moment(1))
        late.end(at: Moment(2))
        let lines = try sink.takeValues()
        try #require(lines.map { $0.spans.map { $0["name"]?.string } } == [["step", "forward"], ["backward"]])
        #expect(lines[0].spans[1]["events"]?.array?.first?["name"] == "exception")
        #expect(lines[0].spans[1]["status"]?["code"] == 2)

        let dropped = root(31)
        let discarded = tracer.startSpan("backward", context: dropped.context, ofKind: .internal, at: Moment(0))
        dropped.end(at: Moment(1))
        discarded.end(at: Moment(2))
        #expect(sink.takeLines().isEmpty)
        #expect(sink.droppedSpans == 0)
    }

    @Test func spansOutsideOfStepsAreLinesOfTheirOwn() throws {
        let sink = SpanSink(process: "coordinator", policy: TracePolicy(sample: .max))
        let tracer = SpanTracer(sink: sink)
        let run = tracer.startSpan("run", context: .topLevel, ofKind: .internal, at: Moment(1))
        tracer.startSpan("snapshot", context: run.context, ofKind: .internal, at: Moment(2)).end(at: Moment(3))
        let early = try sink.takeSpans()
        try #require(early.map { $0["name"] } == ["snapshot"])
        run.end(at: Moment(0))
        let late = try sink.takeSpans()
        try #require(late.count == 1)
        #expect(late[0]["spanId"] == early[0]["parentSpanId"])
        // An end before the start is none.
        #expect(late[0]["endTimeUnixNano"] == late[0]["startTimeUnixNano"])
        run.end()
        run.operationName = "another"
        #expect(run.operationName == "run")
        #expect(sink.takeLines().isEmpty)
    }

    @Test func offMeansNothing() throws {
        let sink = SpanSink(process: "w0", policy: TracePolicy(isOff: true))
        let work = StepWork(tracer: SpanTracer(sink: sink))
        for step in 1...20 as ClosedRange<Int64> { work.step(step, isFailed: true) }
        #expect(sink.takeLines().isEmpty)
    }

    @Test func aFloodStaysWithinItsRoomAndIsCounted() throws {
        let capacity = 60_000
        let sink = SpanSink(process: "w0", policy: keepAll, capacity: capacity)
        let work = StepWork(tracer: SpanTracer(sink: sink))
        for step in 1...100 as ClosedRange<Int64> { work.step(step) }
        let first = try sink.takeValues()
        #expect(first.map { $0.spans.count }.allSatisfy { $0 == 7 })
        #expect(first.map { Array($0.bytes).count + 1 }.reduce(0, +) <= capacity)
        #expect(Int(sink.droppedSpans) == 7 * (100 - first.count))
        #expect(first.count > 10 && first.count < 100)
        // The next step tells of it.
        work.step(101)
        let next = try #require(try sink.takeSpans().first)
        #expect(next.attribute("lockstep.droppedSpans")?["intValue"]?.string == "\(sink.droppedSpans)")
    }

    @Test func aStepWithoutEndAndALineWithoutMeasureAreBounded() throws {
        let sink = SpanSink(process: "w0", policy: keepAll)
        let work = StepWork(tracer: SpanTracer(sink: sink))
        work.step(1, children: Array(repeating: "forward", count: 2000))
        #expect(try sink.takeSpans().count == 1 + SpanGroup.limit)
        #expect(sink.droppedSpans == 2000 - UInt64(SpanGroup.limit))
        let before = sink.droppedSpans
        let span = SpanTracer(sink: sink).startSpan("x", context: .topLevel, ofKind: .internal)
        for index in 0..<128 {
            var attributes: SpanAttributes = [:]
            for key in 0..<4 { attributes.set("\(key)", value: .string(String(repeating: "x", count: 2000))) }
            span.addEvent(SpanEvent(name: "\(index)", attributes: attributes))
        }
        span.end()
        #expect(sink.takeLines().isEmpty)
        #expect(sink.droppedSpans == before + 1)
    }

    @Test func linesAreTakenWhole() throws {
        let sink = SpanSink(process: "w0", policy: keepAll)
        let work = StepWork(tracer: SpanTracer(sink: sink))
        for step in 1...200 as ClosedRange<Int64> { work.step(step) }
        var taken: [[UInt8]] = []
        while true {
            let lines = sink.takeLines(maximumBytes: SpanSink.maximumLineBytes)
            if lines.isEmpty { break }
            #expect(lines.count <= SpanSink.maximumLineBytes)
            #expect(lines.last == UInt8(ascii: "\n"))
            taken.append(lines)
        }
        #expect(taken.count > 1)
        let lines = taken.joined().split(separator: UInt8(ascii: "\n"))
        #expect(lines.count == 200)
        #expect(try lines.map { try JSONValue(parsing: Array($0)) }.allSatisfy { $0.spans.count == 7 })
    }

    @Test func manyThreadsLoseNothing() async throws {
        let sink = SpanSink(process: "w0", policy: keepAll, capacity: 64 << 20)
        let tracer = SpanTracer(sink: sink)
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask {
                    for step in 0..<20 { StepWork(tracer: tracer).step(Int64(task * 20 + step)) }
                }
            }
        }
        let spans = try sink.takeSpans()
        #expect(spans.count == 1120)
        #expect(Set(spans.map { $0["spanId"]?.string }).count == 1120)
        #expect(sink.droppedSpans == 0)
    }
}
