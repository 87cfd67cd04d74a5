import LockstepFormats
import Testing

@testable import LockstepInspection

/// What a trace says of failures that a run survived.
@Suite struct IncidentTests {
    private func incident(_ identifier: UInt64, start: UInt64, generation: UInt32, _ message: String) -> TraceSpan {
        var span = TraceSpan(
            process: 0, name: "incident", identifier: identifier, parent: nil, start: start, end: start + 120_000_000)
        span.generation = generation
        span.step = 57
        span.message = message
        return span
    }

    private func brokenOff(_ identifier: UInt64, process: Int, step: UInt32, generation: UInt32) -> TraceSpan {
        var span = TraceSpan(
            process: process, name: "step", identifier: identifier, parent: nil, start: 0, end: 10)
        span.generation = generation
        span.step = step
        span.isFailed = true
        return span
    }

    private var trace: Trace {
        var trace = Trace()
        trace.processes = [TraceProcess(name: "coordinator"), TraceProcess(name: "w0"), TraceProcess(name: "w2")]
        trace.spans = [
            incident(1, start: 9_000_000_000, generation: 7, "worker w2 was lost; 1 worker goes on from step 90"),
            incident(2, start: 5_000_000_000, generation: 4, "worker w1 was lost; 2 workers go on from step 56"),
            brokenOff(3, process: 1, step: 57, generation: 2), brokenOff(4, process: 2, step: 57, generation: 2),
            brokenOff(5, process: 1, step: 91, generation: 4), brokenOff(6, process: 1, step: 95, generation: 7),
        ]
        return trace
    }

    @Test func eachWithWhatItBrokeOff() {
        let incidents = TraceSummary(trace).incidents
        #expect(incidents.map(\.generation) == [4, 7])
        #expect(incidents.map(\.duration) == [120_000_000, 120_000_000])
        #expect(incidents.map { $0.brokenOff.map(\.worker) } == [["w0", "w2"], ["w0"]])
        #expect(incidents.map { $0.brokenOff.map(\.step) } == [[57, 57], [91]])
    }

    @Test func isShown() throws {
        let lines = TraceSummaryText.lines(TraceSummary(trace), width: 44)
        let place = try #require(lines.firstIndex(of: "incidents"))
        #expect(
            Array(lines[(place + 1)..<(place + 4)]) == [
                "  worker w1 was lost; 2 workers go on from", "    step 56",
                "    broken off: step 57 in w0, step 57 in w2",
            ])
        #expect(lines.allSatisfy { $0.count <= 44 })
        let json = TraceSummary(trace).json
        #expect(json["incidents"]?.array?.count == 2)
        #expect(json["incidents"]?.array?.first?["message"]?.string?.contains("w1") == true)
    }

    /// A message is foreign text.
    @Test func aMessageCannotWriteToATerminal() {
        var trace = Trace()
        trace.processes = [TraceProcess(name: "coordinator")]
        trace.spans = [incident(1, start: 0, generation: 1, "\u{1B}[2Jgone")]
        #expect(!TraceSummaryText.lines(TraceSummary(trace)).joined().contains("\u{1B}"))
    }

    @Test func isReadFromALine() throws {
        let line =
            #"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.instance.id","value":{"stringValue":"coordinator"}}]},"#
            + #""scopeSpans":[{"spans":[{"traceId":"00000000000000000000000000000001","spanId":"0000000000000001","#
            + #""name":"incident","startTimeUnixNano":"10","endTimeUnixNano":"30","attributes":[{"key":"message","#
            + #""value":{"stringValue":"worker w1 was lost"}},{"key":"lockstep.generation","value":{"intValue":"4"}}]}]}]}]}"#
        var reader = TraceLineReader(steps: nil, limit: 10)
        let isTaken = reader.take(ArraySlice(line.utf8))
        #expect(isTaken)
        let incident = try #require(TraceSummary(reader.finished).incidents.first)
        #expect(incident.message == "worker w1 was lost" && incident.generation == 4 && incident.duration == 20)
    }
}
