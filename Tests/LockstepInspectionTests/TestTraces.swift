import Foundation
import LockstepInspection
import LockstepTestSupport

/// Traces for tests.
enum TestTraces {
    /// Steps whose stages lie anywhere, also over each other and outside of their step.
    static func random(_ seed: UInt64, workers: Int = 3, steps: Int = 12) -> Trace {
        var random = SeededGenerator(seed: seed)
        var trace = Trace()
        trace.processes = (0..<workers).map { TraceProcess(name: "w\($0)", host: "m") }
        let names = ["load", "forward", "backward", "all-reduce", "update", "snapshot", "something"]
        var identifier: UInt64 = 0
        for process in 0..<workers {
            for number in 1...steps {
                identifier += 1
                let start = UInt64(number) * 1000 + UInt64.random(in: 0...200, using: &random)
                var step = TraceSpan(
                    process: process, name: "step", identifier: identifier, parent: nil, start: start,
                    end: start + UInt64.random(in: 0...900, using: &random))
                step.step = UInt32(number)
                step.generation = 1
                step.reason = .sample
                step.isFailed = Int.random(in: 0..<12, using: &random) == 0
                trace.spans.append(step)
                let parent = identifier
                for _ in 0..<Int.random(in: 0...9, using: &random) {
                    identifier += 1
                    let from = start - 100 + UInt64.random(in: 0...1000, using: &random)
                    trace.spans.append(
                        TraceSpan(
                            process: process, name: names.randomElement(using: &random) ?? "", identifier: identifier,
                            parent: parent, start: from, end: from + UInt64.random(in: 0...400, using: &random)))
                }
            }
        }
        trace.spans.shuffle(using: &random)
        return trace
    }

    /// A line as a worker writes it.
    static func line(worker: String = "w0", step: Int = 1) -> String {
        let trace = String(repeating: "0", count: 31) + "1"
        func span(_ name: String, _ identifier: Int, _ start: Int, _ end: Int, _ rest: String) -> String {
            #"{"traceId":"\#(trace)","spanId":"000000000000000\#(identifier)","name":"\#(name)","kind":1,"#
                + #""startTimeUnixNano":"\#(start)","endTimeUnixNano":"\#(end)"\#(rest)}"#
        }
        let attributes =
            #","attributes":[{"key":"lockstep.step","value":{"intValue":"\#(step)"}},{"key":"lockstep.epoch","#
            + #""value":{"intValue":"1"}},{"key":"lockstep.kept","value":{"stringValue":"sample"}},"#
            + #"{"key":"lockstep.droppedSpans","value":{"intValue":"3"}}],"status":{"code":1}"#
        let child = #","parentSpanId":"0000000000000001""#
        let base = step * 10_000
        return #"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.instance.id","value":"#
            + #"{"stringValue":"\#(worker)"}}]},"scopeSpans":[{"scope":{"name":"lockstep"},"spans":["#
            + [
                span("step", 1, base, base + 1000, attributes), span("forward", 2, base, base + 300, child),
                span("backward", 3, base + 300, base + 700, child),
                span(
                    "all-reduce", 4, base + 600, base + 900,
                    child + #","attributes":[{"key":"waitedFor","value":{"stringValue":"w1"}}]"#),
            ].joined(separator: ",") + "]}]}]}"
    }
}

/// A directory that goes when the test ends.
final class TemporaryFolder {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appending(path: "lockstep-inspection-\(UUID())").path()
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ name: String, _ bytes: some Sequence<UInt8>) throws {
        try Data(Array(bytes)).write(to: URL(filePath: path + "/" + name))
    }
}
