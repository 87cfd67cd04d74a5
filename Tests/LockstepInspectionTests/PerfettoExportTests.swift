import LockstepFormats
import LockstepTestSupport
import Testing

@testable import LockstepInspection

/// Checks a file as Perfetto reads it.
enum PerfettoCheck {
    struct Event {
        var name: String
        var track: [Int]
        var start: UInt64
        var end: UInt64
    }

    /// - Returns: the complete events.
    /// - Throws: `FuzzFlaw` where two events of a track overlap without nesting, or a name is missing.
    @discardableResult
    static func check(_ bytes: [UInt8]) throws -> [Event] {
        let value = try JSONValue(parsing: bytes)
        guard let events = value["traceEvents"]?.array else { throw FuzzFlaw("no events") }
        var named: Set<[Int]> = []
        var complete: [Event] = []
        for event in events {
            guard let process = event["pid"]?.int, let name = event["name"]?.string else { throw FuzzFlaw("\(event)") }
            let track = [process, event["tid"]?.int ?? 0]
            switch event["ph"]?.string {
            case "M":
                if name == "thread_name" || name == "process_name" { named.insert(track) }
            case "X":
                guard let start = nanoseconds(event["ts"]), let duration = nanoseconds(event["dur"]) else {
                    throw FuzzFlaw("no time: \(event)")
                }
                guard named.contains(track), named.contains([process, 0]) else { throw FuzzFlaw("no name: \(event)") }
                complete.append(Event(name: name, track: track, start: start, end: start + duration))
            default: throw FuzzFlaw("unknown: \(event)")
            }
        }
        // An event may share its start with the one around it; the file's order says which is which.
        for events in Dictionary(grouping: complete, by: \.track).values {
            var open: [Event] = []
            for event in events {
                while let last = open.last, last.end <= event.start { open.removeLast() }
                if let last = open.last, event.end > last.end || event.start < last.start {
                    throw FuzzFlaw("\(event) overlaps \(last)")
                }
                open.append(event)
            }
        }
        return complete
    }

    private static func nanoseconds(_ value: JSONValue?) -> UInt64? {
        guard case .number(let number)? = value else { return nil }
        let parts = number.text.split(separator: ".")
        guard parts.count == 2, parts[1].utf8.count == 3 else { return nil }
        return UInt64(String(parts[0] + parts[1]))
    }
}

@Suite struct PerfettoExportTests {
    private func export(_ trace: Trace) throws -> (bytes: [UInt8], leftOut: Int) {
        var bytes: [UInt8] = []
        let leftOut = try PerfettoExport(trace).write { bytes += $0 }
        return (bytes, leftOut)
    }

    @Test func eventsNestOnTheirTracks() throws {
        for seed in 1...15 as ClosedRange<UInt64> {
            let trace = TestTraces.random(seed)
            let exported = try export(trace)
            let events = try PerfettoCheck.check(exported.bytes)
            #expect(events.count + exported.leftOut == trace.spans.count, "seed \(seed)")
            #expect(exported.leftOut == 0)
            let base = trace.spans.map(\.start).min() ?? 0
            let expected = trace.spans.map { [$0.start - base, $0.end - base] }
            #expect(
                events.map { [$0.start, $0.end] }.sorted { $0.lexicographicallyPrecedes($1) }
                    == expected.sorted { $0.lexicographicallyPrecedes($1) })
        }
    }

    /// The check itself finds what does not nest.
    @Test func theCheckFindsOverlaps() {
        let head =
            #"{"traceEvents":[{"ph":"M","pid":1,"name":"process_name"},{"ph":"M","pid":1,"tid":5,"name":"thread_name"},"#
        func event(_ start: Int, _ duration: Int, _ thread: Int = 5) -> String {
            #"{"ph":"X","pid":1,"tid":\#(thread),"name":"x","ts":\#(start).000,"dur":\#(duration).000}"#
        }
        let good = [event(0, 10), event(0, 5), event(5, 5), event(10, 1)].joined(separator: ",") + "]}"
        #expect(throws: Never.self) { try PerfettoCheck.check(Array((head + good).utf8)) }
        for bad in [[event(0, 10), event(5, 6)], [event(0, 1, 6)]] {
            #expect(throws: FuzzFlaw.self) {
                try PerfettoCheck.check(Array((head + bad.joined(separator: ",") + "]}").utf8))
            }
        }
    }

    @Test func workersAreProcessesWithComputeNetworkAndFiles() throws {
        var trace = Trace()
        trace.processes = [TraceProcess(name: "w10"), TraceProcess(name: "w2"), TraceProcess(name: "coordinator")]
        let names = ["step", "load", "forward", "all-reduce", "snapshot"]
        for (process, offset) in [(0, 0), (1, 100)] as [(Int, UInt64)] {
            for (index, name) in names.enumerated() {
                var span = TraceSpan(
                    process: process, name: name, identifier: UInt64(index + 1), parent: index == 0 ? nil : 1,
                    start: 1_763_700_000_000_000_000 + offset, end: 1_763_700_000_000_001_234 + offset)
                if index == 0 { span.step = 12 }
                trace.spans.append(span)
            }
        }
        trace.spans.append(
            TraceSpan(
                process: 2, name: "run", identifier: 9, parent: nil, start: 1_763_700_000_000_000_000,
                end: 1_763_700_000_000_009_999))
        let bytes = try export(trace).bytes
        try PerfettoCheck.check(bytes)
        let events = try #require(try JSONValue(parsing: bytes)["traceEvents"]?.array)
        func titles(_ kind: String) -> [String] {
            events.filter { $0["name"]?.string == kind }.compactMap { $0["args"]?["name"]?.string }
        }
        #expect(titles("process_name") == ["coordinator", "worker w2", "worker w10"])
        let tracks = ["compute", "network", "io"]
        #expect(titles("thread_name") == ["compute"] + tracks + tracks)
        let text = String(decoding: bytes, as: UTF8.self)
        #expect(text.contains(#""ts":0.100,"dur":1.234,"#))
        #expect(text.contains(#""name":"step 12""#))
        #expect(text.contains(#""baseTimeNanoseconds":"1763700000000000000""#))
    }

    @Test func tooManyOverlapsAreCounted() throws {
        var trace = Trace()
        trace.processes = [TraceProcess(name: "w0")]
        for index in 0..<40 as Range<UInt64> {
            trace.spans.append(
                TraceSpan(process: 0, name: "x", identifier: index + 1, parent: nil, start: index, end: 100 + index))
        }
        let exported = try export(trace)
        #expect(try PerfettoCheck.check(exported.bytes).count == 16)
        #expect(exported.leftOut == 24)
        #expect(try PerfettoCheck.check(try export(Trace()).bytes).isEmpty)
    }
}
