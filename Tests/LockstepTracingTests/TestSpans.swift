import Foundation
import LockstepFormats
import LockstepTracing
import Tracing

/// A moment chosen by a test.
struct Moment: TracerInstant {
    let nanosecondsSinceEpoch: UInt64

    init(_ nanoseconds: UInt64) { nanosecondsSinceEpoch = nanoseconds }

    static func < (left: Moment, right: Moment) -> Bool { left.nanosecondsSinceEpoch < right.nanosecondsSinceEpoch }
}

/// A carrier of header fields.
struct Fields: Injector, Extractor {
    func inject(_ value: String, forKey key: String, into carrier: inout [String: String]) { carrier[key] = value }
    func extract(key: String, from carrier: [String: String]) -> String? { carrier[key] }
}

/// What a worker does after a step, with any tracer.
struct StepWork {
    let tracer: any Tracing.Tracer
    var run = "run-1"
    var runFields: [String: String] = [:]

    /// Makes the spans of a step that began at `start` and took `duration`; children fill it in equal parts.
    func step(
        _ step: Int64, start: UInt64 = 1_000_000, duration: UInt64 = 600, isFailed: Bool = false,
        children: [String] = ["load", "forward", "backward", "all-reduce", "update", "snapshot"]
    ) {
        var fields = runFields
        for (key, value) in StepTrace.fields(run: run, step: UInt64(step)) { fields[key] = value }
        var context = ServiceContext.topLevel
        tracer.extract(fields, into: &context, using: Fields())
        let span = tracer.startSpan("step", context: context, ofKind: .internal, at: Moment(start))
        span.attributes["lockstep.step"] = step
        span.attributes["lockstep.worker"] = "w0"
        let part = children.isEmpty ? 0 : duration / UInt64(children.count)
        for (index, name) in children.enumerated() {
            let child = tracer.startSpan(
                name, context: span.context, ofKind: .internal, at: Moment(start + part * UInt64(index)))
            child.end(at: Moment(start + part * UInt64(index + 1)))
        }
        if isFailed { span.setStatus(SpanStatus(code: .error, message: "broken off")) }
        span.end(at: Moment(start + duration))
    }
}

extension SpanSink {
    /// All lines that wait, as JSON.
    func takeValues() throws -> [JSONValue] {
        var bytes: [UInt8] = []
        while true {
            let taken = takeLines()
            if taken.isEmpty { break }
            bytes += taken
        }
        return try bytes.split(separator: UInt8(ascii: "\n")).map { try JSONValue(parsing: $0) }
    }

    /// The spans of all lines that wait.
    func takeSpans() throws -> [JSONValue] { try takeValues().flatMap { $0.spans } }
}

extension JSONValue {
    /// The spans of a line.
    var spans: [JSONValue] {
        (self["resourceSpans"]?.array ?? []).flatMap { $0["scopeSpans"]?.array ?? [] }.flatMap {
            $0["spans"]?.array ?? []
        }
    }

    func attribute(_ key: String) -> JSONValue? {
        self["attributes"]?.array?.first { $0["key"]?.string == key }?["value"]
    }
}

/// A directory that goes when the test ends.
final class TemporaryFolder {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appending(path: "lockstep-traces-\(UUID())").path()
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}
