import LockstepCore
import LockstepFormats
import LockstepTestSupport
import Testing

@testable import LockstepInspection

@Suite struct TraceReaderTests {
    @Test func readsWhatWorkersWrite() throws {
        let folder = try TemporaryFolder()
        let lines = (1...3).map { TestTraces.line(step: $0) + "\n" }
        try folder.write("w0.otlp.jsonl", lines[2].utf8)
        try folder.write("w0.previous.otlp.jsonl", (lines[0] + lines[1]).utf8)
        try folder.write("w1.otlp.jsonl", TestTraces.line(worker: "w1", step: 2).utf8)
        try folder.write("something.txt", "not a trace".utf8)
        let trace = try TraceReader().read(directory: folder.path)
        #expect(trace.processes.map(\.name) == ["w0", "w1"])
        #expect(trace.spans.count == 16)
        #expect(trace.notes.files == 3 && trace.notes.brokenLines == 0)
        #expect(trace.notes.droppedSpans == 6)
        let step = try #require(trace.spans.first)
        #expect(step.step == 3 && step.epoch == 1 && step.reason == .sample && !step.isFailed)
        #expect(step.start == 30_000 && step.end == 31_000 && step.parent == nil)
        #expect(trace.spans[3].waitedFor == "w1" && trace.spans[3].parent == step.identifier)
        let some = try TraceReader(steps: 2...2).read(directory: folder.path)
        #expect(some.spans.count == 8 && some.spans.compactMap(\.step) == [2, 2])
    }

    @Test func aTornLastLineIsToleratedOthersAreCounted() throws {
        let folder = try TemporaryFolder()
        let whole = TestTraces.line() + "\n"
        try folder.write("a.otlp.jsonl", (whole + whole.dropLast(20)).utf8)
        var trace = try TraceReader().read(directory: folder.path)
        #expect(trace.spans.count == 4 && trace.notes.brokenLines == 0)
        try folder.write("a.otlp.jsonl", ("\n\n" + whole.dropLast(20) + "\nnonsense\n" + whole).utf8)
        trace = try TraceReader().read(directory: folder.path)
        #expect(trace.spans.count == 4 && trace.notes.brokenLines == 2)
    }

    @Test func whatIsNotThereIsSaid() throws {
        let folder = try TemporaryFolder()
        #expect(throws: CommandError.self) { try TraceReader().read(directory: folder.path) }
        #expect(throws: CommandError.self) { try TraceReader().read(directory: folder.path + "/none") }
    }

    @Test func memoryIsBounded() throws {
        let folder = try TemporaryFolder()
        // One line without an end, and many spans.
        var bytes = Array(#"{"resourceSpans":["#.utf8) + [UInt8](repeating: UInt8(ascii: "["), count: 5 << 18)
        bytes += Array(("\n" + (1...100).map { TestTraces.line(step: $0) + "\n" }.joined()).utf8)
        try folder.write("a.otlp.jsonl", bytes)
        var reader = TraceReader()
        reader.limits.spans = 150
        let trace = try reader.read(directory: folder.path)
        #expect(trace.spans.count == 150 && trace.notes.leftOutSpans == 250 && trace.notes.brokenLines == 1)
    }

    @Test func lettersOfIdentifiersMayBeCapitals() {
        var lines = TraceLineReader(steps: nil, limit: 10)
        let line = TestTraces.line().replacing("0000000000000001", with: "ABCDEF0000000001")
        let isTaken = lines.take(Array(line.utf8)[...])
        #expect(isTaken)
        #expect(lines.trace.spans.first?.identifier == 0xABCD_EF00_0000_0001)
    }

    /// What a hostile file may hold; each is one line and no span.
    @Test(arguments: [
        #"{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"x"}]}]}]}"#,
        #"{"resourceSpans":7}"#, #"[]"#, #"{"resourceSpans":[{"scopeSpans":[{"spans":[7]}]}]}"#,
        String(repeating: "[", count: 100_000), String(repeating: #"{"a":"#, count: 100_000),
    ])
    func nonsenseIsNoSpan(line: String) {
        var lines = TraceLineReader(steps: nil, limit: 10)
        let isTaken = lines.take(Array(line.utf8)[...])
        #expect(!isTaken)
        #expect(lines.trace.spans.isEmpty)
    }

    @Test func numbersThatDoNotFitAreRefusedOrLeftOut() {
        for (old, new) in [
            (#""startTimeUnixNano":"10000""#, #""startTimeUnixNano":"99999999999999999999""#),
            (#""startTimeUnixNano":"10000""#, #""startTimeUnixNano":"-5""#),
            (#""startTimeUnixNano":"10000""#, #""startTimeUnixNano":"12000""#),
            (#""endTimeUnixNano":"11000""#, #""endTimeUnixNano":1e400"#),
            (#""spanId":"0000000000000001""#, #""spanId":"+000000000000001""#),
            (#""spanId":"0000000000000001""#, #""spanId":"0000000000000000""#),
        ] {
            var lines = TraceLineReader(steps: nil, limit: 10)
            let isTaken = lines.take(Array(TestTraces.line().replacing(old, with: new).utf8)[...])
            #expect(!isTaken, "\(new)")
        }
        var lines = TraceLineReader(steps: nil, limit: 10)
        let line = TestTraces.line().replacing(#""intValue":"1""#, with: #""intValue":"-1""#)
        let isTaken = lines.take(Array(line.utf8)[...])
        #expect(isTaken)
        #expect(lines.trace.spans.first?.step == nil)
    }

    private struct Refused: Error {}

    /// Whatever the reader takes, everything behind it must bear.
    @Test func mutantsNeverEndTheProcess() throws {
        let lines = [TestTraces.line(), TestTraces.line(worker: "w1"), TestTraces.line(step: 2)]
        let samples = lines.map { Array(($0 + "\n").utf8) } + [Array(lines.joined(separator: "\n").utf8)]
        let fuzzer = try Fuzzer(
            "trace", samples: samples,
            dictionary: ["\"step\"", "\"intValue\"", "\"99999999999\"", "\\u0000", "\"resourceSpans\":", "[[[["])
        try fuzzer.run(400, refusing: Refused.self) { bytes in
            var lines = TraceLineReader(steps: nil, limit: 1000)
            var splitter = LineSplitter(maximumLineBytes: 1 << 16)
            var broken = 0
            let take: (ArraySlice<UInt8>, Bool) -> Void = { line, _ in if !lines.take(line) { broken += 1 } }
            splitter.take(bytes[...], take)
            splitter.finish(take)
            let trace = lines.finished
            let summary = TraceSummary(trace)
            for line in TraceSummaryText.lines(summary) where TextColumns.width(line) > 80 { throw FuzzFlaw("wide") }
            _ = try JSONValue(parsing: summary.json.bytes)
            var exported: [UInt8] = []
            _ = try PerfettoExport(trace).write { exported += $0 }
            try PerfettoCheck.check(exported)
            if trace.spans.isEmpty { throw Refused() }
        }
    }

    /// Lines come out the same however the bytes are cut.
    @Test func splitsLinesAtAnyCut() {
        var random = SeededGenerator(seed: 9)
        for _ in 0..<300 {
            let bytes = (0..<Int.random(in: 0...60, using: &random)).map { _ in
                Int.random(in: 0..<5, using: &random) == 0 ? UInt8(ascii: "\n") : UInt8(ascii: "x")
            }
            var splitter = LineSplitter(maximumLineBytes: 8)
            var found: [[UInt8]] = []
            var rest = bytes[...]
            while !rest.isEmpty {
                let part = rest.prefix(Int.random(in: 1...20, using: &random))
                splitter.take(part) { line, _ in found.append(Array(line)) }
                rest = rest.dropFirst(part.count)
            }
            splitter.finish { line, _ in found.append(Array(line)) }
            let lines = bytes.split(separator: UInt8(ascii: "\n")).map { Array($0) }
            #expect(found == lines.filter { $0.count <= 8 })
            #expect(splitter.skipped == lines.count { $0.count > 8 })
        }
    }
}
