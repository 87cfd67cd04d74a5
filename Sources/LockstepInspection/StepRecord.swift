internal import LockstepCore

/// A step of one process.
package struct StepRecord: Sendable {
    package var process: Int
    package var step: UInt32
    package var epoch: UInt32?
    package var generation: UInt32?
    package var start: UInt64
    package var end: UInt64
    package var isFailed: Bool
    package var reason: TraceSpan.Reason?
    package var times: StageTimes
    /// When its last backward ended: from then on it waited for others or they for it. Nil where there was none.
    package var arrival: UInt64?
    /// Whom its all-reduce says it waited for.
    package var waitedFor: String?

    package var duration: UInt64 { end - start }

    /// The steps of a trace, by step, generation and process.
    static func all(in trace: Trace) -> [StepRecord] {
        var records: [StepRecord] = []
        var parts: [[(stage: Stage, start: UInt64, end: UInt64)]] = []
        // Looked up by the span's number.
        var places: [Place: Int] = [:]
        for span in trace.spans where span.name == TraceName.step {
            let place = Place(process: span.process, span: span.identifier)
            // A number that stands twice belongs to the first.
            guard let step = span.step, places[place] == nil else { continue }
            places[place] = records.count
            records.append(
                StepRecord(
                    process: span.process, step: step, epoch: span.epoch, generation: span.generation,
                    start: span.start, end: span.end, isFailed: span.isFailed, reason: span.reason,
                    times: StageTimes(start: 0, end: 0, stages: [])))
            parts.append([])
        }
        for span in trace.spans {
            guard let parent = span.parent, let index = places[Place(process: span.process, span: parent)],
                let stage = Stage(spanName: span.name)
            else { continue }
            parts[index].append((stage, span.start, span.end))
            if stage == .backward { records[index].arrival = max(records[index].arrival ?? 0, span.end) }
            if stage == .allReduce, let waitedFor = span.waitedFor { records[index].waitedFor = waitedFor }
        }
        for index in records.indices {
            records[index].times = StageTimes(
                start: records[index].start, end: records[index].end, stages: parts[index])
        }
        return records.sorted {
            ($0.step, $0.generation ?? 0, $0.process, $0.start) < ($1.step, $1.generation ?? 0, $1.process, $1.start)
        }
    }

    private struct Place: Hashable {
        let process: Int
        let span: UInt64
    }
}
