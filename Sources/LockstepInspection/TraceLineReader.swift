internal import LockstepCore
internal import LockstepFormats

/// Collects the spans of lines in OTLP's JSON form.
struct TraceLineReader {
    var trace = Trace()
    private let steps: ClosedRange<UInt32>?
    private let limit: Int
    private var processes: [TraceProcess: Int] = [:]
    /// Equal texts share their memory.
    private var texts: Set<String> = []
    /// The greatest count of lost spans that each process told.
    private var dropped: [Int: UInt64] = [:]

    /// More different texts than this are not told apart.
    private static let mostTexts = 10_000
    private static let mostProcesses = 10_000

    init(steps: ClosedRange<UInt32>?, limit: Int) {
        self.steps = steps
        self.limit = limit
    }

    var finished: Trace {
        var trace = trace
        trace.notes.droppedSpans = Int(clamping: dropped.values.reduce(UInt64(0)) { $0.addingClamped($1) })
        return trace
    }

    /// - Returns: false where the line does not hold spans; nothing of it was taken then.
    mutating func take(_ line: ArraySlice<UInt8>) -> Bool {
        guard let value = try? JSONValue(parsing: line, limits: JSONValue.Limits(depth: 32, values: 300_000)),
            let resources = value["resourceSpans"]?.array
        else { return false }
        var found: [TraceSpan] = []
        for resource in resources {
            guard let process = process(of: resource) else { return false }
            for scope in resource["scopeSpans"]?.array ?? [] {
                for span in scope["spans"]?.array ?? [] {
                    guard let span = read(span, process: process) else { return false }
                    found.append(span)
                }
            }
        }
        // A line is one process's part of a step, and children have no number of their own.
        if let steps, let step = found.lazy.compactMap(\.step).first, !steps.contains(step) { return true }
        let room = max(0, limit - trace.spans.count)
        trace.spans.append(contentsOf: found.prefix(room))
        trace.notes.leftOutSpans += max(0, found.count - room)
        return true
    }

    /// The process that a resource names; nil where there are too many.
    private mutating func process(of resource: JSONValue) -> Int? {
        var process = TraceProcess(name: "?")
        for (key, value) in TraceLineReader.attributes(of: resource["resource"]) {
            switch key {
            case TraceName.serviceInstance: process.name = shared(value["stringValue"]?.string ?? "?")
            case TraceName.host: process.host = value["stringValue"]?.string.map { shared($0) }
            default: break
            }
        }
        if let index = processes[process] { return index }
        guard trace.processes.count < TraceLineReader.mostProcesses else { return nil }
        processes[process] = trace.processes.count
        trace.processes.append(process)
        return trace.processes.count - 1
    }

    private mutating func read(_ value: JSONValue, process: Int) -> TraceSpan? {
        guard let name = value["name"]?.string,
            let identifier = TraceLineReader.identifier(value["spanId"]),
            let start = TraceLineReader.number(value["startTimeUnixNano"]), start >= 0,
            let end = TraceLineReader.number(value["endTimeUnixNano"]), end >= start
        else { return nil }
        var span = TraceSpan(
            process: process, name: shared(name), identifier: identifier,
            parent: TraceLineReader.identifier(value["parentSpanId"]), start: UInt64(start), end: UInt64(end))
        span.isFailed = value["status"]?["code"]?.int == 2
        for (key, value) in TraceLineReader.attributes(of: value) {
            let number = TraceLineReader.number(value["intValue"])
            switch key {
            case TraceName.stepNumber: span.step = number.flatMap { UInt32(exactly: $0) }
            case TraceName.epoch: span.epoch = number.flatMap { UInt32(exactly: $0) }
            case TraceName.generation: span.generation = number.flatMap { UInt32(exactly: $0) }
            case TraceName.kept: span.reason = value["stringValue"]?.string.flatMap { TraceSpan.Reason(rawValue: $0) }
            case TraceName.waitedFor: span.waitedFor = value["stringValue"]?.string.map { shared($0) }
            case TraceName.message: span.message = value["stringValue"]?.string.map { TraceLineReader.cut($0) }
            case TraceName.droppedSpans: dropped[process] = max(dropped[process] ?? 0, UInt64(clamping: number ?? 0))
            default: break
            }
        }
        return span
    }

    private mutating func shared(_ text: String) -> String {
        let text = text.utf8.count <= 256 ? text : String(text.unicodeScalars.prefix(64))
        if let index = texts.firstIndex(of: text) { return texts[index] }
        guard texts.count < TraceLineReader.mostTexts else { return "…" }
        texts.insert(text)
        return text
    }

    /// Messages are few and all different.
    private static func cut(_ text: String) -> String {
        text.utf8.count <= 1024 ? text : String(text.unicodeScalars.prefix(256))
    }

    private static func attributes(of value: JSONValue?) -> [(key: String, value: JSONValue)] {
        (value?["attributes"]?.array ?? []).compactMap { attribute in
            guard let key = attribute["key"]?.string, let value = attribute["value"] else { return nil }
            return (key, value)
        }
    }

    /// OTLP writes 64-bit numbers as text; plain numbers are understood too.
    private static func number(_ value: JSONValue?) -> Int? {
        value?.string.flatMap { Int($0) } ?? value?.int
    }

    private static func identifier(_ value: JSONValue?) -> UInt64? {
        guard let digits = value?.string, digits.utf8.count == 16, !digits.hasPrefix("+") else { return nil }
        return UInt64(digits, radix: 16).flatMap { $0 == 0 ? nil : $0 }
    }
}
