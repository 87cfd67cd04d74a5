internal import LockstepCore
internal import Synchronization
internal import Tracing

/// Where the finished spans of a process go: a bounded buffer of OTLP JSON lines, one a step. It never waits: what has
/// no room is dropped and counted, and the count travels with the next step.
package final class SpanSink: Sendable {
    /// A line that would be longer is dropped.
    package static let maximumLineBytes = 256 << 10

    package let policy: TracePolicy
    private let capacity: Int
    private let encoder: TraceLine
    private let state: Mutex<State>

    private struct State {
        var sampler: StepSampler
        var lines: [UInt8] = []
        var dropped: UInt64 = 0
    }

    /// - Parameters:
    ///   - process: `coordinator`, or the worker's name.
    ///   - host: the machine. Clocks of processes on different machines are not compared.
    ///   - capacity: the most bytes that wait to be taken.
    package init(
        process: String, host: String? = nil, version: String = "", policy: TracePolicy = TracePolicy(),
        capacity: Int = 4 << 20
    ) {
        self.policy = policy
        self.capacity = capacity
        encoder = TraceLine(process: process, host: host, version: version)
        state = Mutex(State(sampler: StepSampler(policy)))
    }

    /// Takes whole lines, oldest first; empty where there are none. The caller sends or writes them.
    ///
    /// - Parameter maximumBytes: at least `maximumLineBytes`.
    package func takeLines(maximumBytes: Int = 512 << 10) -> [UInt8] {
        precondition(maximumBytes >= SpanSink.maximumLineBytes, "a line fits")
        return state.withLock { state in
            if state.lines.count <= maximumBytes {
                defer { state.lines = [] }
                return state.lines
            }
            let newline = state.lines[..<maximumBytes].lastIndex(of: UInt8(ascii: "\n"))
            let taken = Array(state.lines[...(newline ?? state.lines.endIndex - 1)])
            state.lines.removeFirst(taken.count)
            return taken
        }
    }

    /// Whether the spans of a step that went well would not be kept. They need not be made then: the step counts already.
    package func passesOver(step: UInt64, duration: UInt64) -> Bool {
        policy.isOff || state.withLock { $0.sampler.passesOver(step: step, duration: duration) }
    }

    /// How many spans were lost for want of room.
    package var droppedSpans: UInt64 { state.withLock { $0.dropped } }

    func finish(_ span: FinishedSpan) {
        guard let group = span.context.group else { return write([span]) }
        guard span.parent != nil else { return finish(step: span, group) }
        switch group.add(span) {
        case .waits, .discarded: break
        case .dropped: drop(1)
        case .kept: write([span])
        }
    }

    private func finish(step root: FinishedSpan, _ group: SpanGroup) {
        let isFailed = root.isFailed || group.hasFailed
        let (reason, dropped) = state.withLock { state in
            let reason = state.sampler.reason(
                step: SpanSink.number(root.attributes.get(TraceName.stepNumber)), duration: root.end - root.start,
                isFailed: isFailed)
            return (reason, state.dropped)
        }
        let spans = group.close(isKept: reason != nil)
        guard let reason else { return }
        var root = root
        root.attributes.set(TraceName.kept, value: .string(reason.rawValue))
        if dropped > 0 {
            root.attributes.set(TraceName.droppedSpans, value: .int64(Int64(clamping: dropped)))
        }
        write([root] + spans)
    }

    private func write(_ spans: [FinishedSpan]) {
        // The lock is not held while the text is made.
        let line = encoder.bytes(spans)
        guard line.count <= SpanSink.maximumLineBytes else { return drop(spans.count) }
        state.withLock { state in
            if state.lines.count + line.count <= capacity {
                state.lines.append(contentsOf: line)
            } else {
                state.dropped += UInt64(spans.count)
            }
        }
    }

    private func drop(_ count: Int) { state.withLock { $0.dropped += UInt64(count) } }

    private static func number(_ attribute: SpanAttribute?) -> UInt64? {
        switch attribute {
        case .int64(let value): UInt64(exactly: value)
        case .int32(let value): UInt64(exactly: value)
        default: nil
        }
    }
}
