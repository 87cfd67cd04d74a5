package import LockstepCore
internal import LockstepFormats

/// A trace in Chrome's JSON format, which Perfetto opens: each worker a process; compute, network and files each a
/// track. Events of a track nest; where spans of a track overlap without nesting, a further track takes them.
package struct PerfettoExport: Sendable {
    private enum Track: Int, CaseIterable {
        case compute = 1
        case network, io

        init(_ span: TraceSpan) {
            switch Stage(spanName: span.name) {
            case _ where span.name == TraceName.bucket: self = .network
            case .allReduce: self = .network
            case .load, .snapshot: self = .io
            default: self = .compute
            }
        }

        var name: String {
            switch self {
            case .compute: "compute"
            case .network: "network"
            case .io: "io"
            }
        }
    }

    /// More tracks than this of one kind are not made; spans that find no place are left out.
    private static let mostLanes = 16

    private let trace: Trace

    package init(_ trace: Trace) { self.trace = trace }

    /// Writes the whole JSON text.
    ///
    /// - Parameter write: gets the text piece by piece.
    /// - Returns: how many spans found no place.
    package func write(_ write: ([UInt8]) throws(CommandError) -> Void) throws(CommandError) -> Int {
        let base = trace.spans.lazy.map(\.start).min() ?? 0
        try write(
            Array(#"{"displayTimeUnit":"ms","otherData":{"baseTimeNanoseconds":"\#(base)"},"traceEvents":["#.utf8))
        var leftOut = 0
        var isFirst = true
        var pending: [UInt8] = []
        func add(_ event: [UInt8]) throws(CommandError) {
            pending.append(contentsOf: (isFirst ? "\n" : ",\n").utf8)
            pending.append(contentsOf: event)
            isFirst = false
            guard pending.count > 1 << 20 else { return }
            try write(pending)
            pending.removeAll(keepingCapacity: true)
        }
        var byProcess: [Int: [TraceSpan]] = [:]
        for span in trace.spans { byProcess[span.process, default: []].append(span) }
        let workers = Set(trace.spans.lazy.filter { $0.name == TraceName.step }.map(\.process))
        let order = byProcess.keys.sorted { left, right in
            // The coordinator stands first: it is no worker.
            workers.contains(left) == workers.contains(right)
                ? NaturalOrder.precedes(trace.processes[left].name, trace.processes[right].name, left < right)
                : workers.contains(right)
        }
        for (index, process) in order.enumerated() {
            let number = index + 1
            let name = trace.processes[process].name
            let title = workers.contains(process) ? "worker \(name)" : name
            try add(PerfettoExport.metadata("process_name", number, nil, "name", .string(title)))
            try add(PerfettoExport.metadata("process_sort_index", number, nil, "sort_index", .number(index)))
            let spans = Dictionary(grouping: byProcess[process] ?? [], by: { Track($0) })
            for track in Track.allCases {
                let lanes = PerfettoExport.lanes(spans[track] ?? [], leftOut: &leftOut)
                for (lane, spans) in lanes.enumerated() {
                    // Numbers of threads differ between processes too; some readers expect that.
                    let thread = number * 64 + (track.rawValue - 1) * PerfettoExport.mostLanes + lane
                    let title = lane == 0 ? track.name : "\(track.name) \(lane + 1)"
                    try add(PerfettoExport.metadata("thread_name", number, thread, "name", .string(title)))
                    try add(
                        PerfettoExport.metadata(
                            "thread_sort_index", number, thread, "sort_index",
                            .number((track.rawValue - 1) * PerfettoExport.mostLanes + lane)))
                    for span in spans { try add(PerfettoExport.event(span, number, thread, base: base)) }
                }
            }
        }
        pending.append(contentsOf: "\n]}\n".utf8)
        try write(pending)
        return leftOut
    }

    /// Spreads spans over tracks on which they nest, in the order of their starts, outer before inner.
    private static func lanes(_ spans: [TraceSpan], leftOut: inout Int) -> [[TraceSpan]] {
        let ordered = spans.sorted { left, right in
            if left.start != right.start { return left.start < right.start }
            if left.end != right.end { return left.end > right.end }
            return left.name == TraceName.step && right.name != TraceName.step
        }
        var lanes: [[TraceSpan]] = []
        var open: [[UInt64]] = []
        for span in ordered {
            var lane = 0
            while lane < lanes.count {
                while let end = open[lane].last, end <= span.start { open[lane].removeLast() }
                if open[lane].last.map({ span.end <= $0 }) ?? true { break }
                lane += 1
            }
            if lane == lanes.count {
                guard lane < mostLanes else {
                    leftOut += 1
                    continue
                }
                lanes.append([])
                open.append([])
            }
            lanes[lane].append(span)
            open[lane].append(span.end)
        }
        return lanes
    }

    private static func event(_ span: TraceSpan, _ process: Int, _ thread: Int, base: UInt64) -> [UInt8] {
        var arguments = JSONObject()
        if let step = span.step { arguments["step"] = .number(step) }
        if let epoch = span.epoch { arguments["epoch"] = .number(epoch) }
        if let generation = span.generation { arguments["generation"] = .number(generation) }
        if let reason = span.reason { arguments["kept"] = .string(reason.rawValue) }
        if let waitedFor = span.waitedFor { arguments["waitedFor"] = .string(waitedFor) }
        if span.isFailed { arguments["failed"] = true }
        let name =
            span.name == TraceName.step
            ? span.step.map { "step \($0)" } ?? span.name : span.message ?? span.name
        let rest: JSONValue = [
            "cat": .string(Track(span).name), "name": .string(name), "pid": .number(process), "tid": .number(thread),
            "args": .object(arguments),
        ]
        let head = #"{"ph":"X","ts":\#(microseconds(span.start - base)),"dur":\#(microseconds(span.duration)),"#
        return Array(head.utf8) + rest.bytes.dropFirst()
    }

    private static func metadata(_ name: String, _ process: Int, _ thread: Int?, _ key: String, _ value: JSONValue)
        -> [UInt8]
    {
        var event = JSONObject([("ph", "M"), ("name", .string(name)), ("pid", .number(process))])
        if let thread { event["tid"] = .number(thread) }
        event["args"] = .object(JSONObject([(key, value)]))
        return JSONValue.object(event).bytes
    }

    /// Microseconds with three places: no nanosecond is lost, so that what nests in the trace nests in the file.
    private static func microseconds(_ nanoseconds: UInt64) -> String {
        let rest = String(nanoseconds % 1000)
        return "\(nanoseconds / 1000).\(String(repeating: "0", count: 3 - rest.count))\(rest)"
    }
}
