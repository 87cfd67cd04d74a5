internal import Synchronization

/// The finished spans of one step of one process, until the step's own span ends and the policy decides.
final class SpanGroup: Sendable {
    /// More spans than this in one step are dropped.
    static let limit = 512

    enum Late {
        /// The step goes on; the span waits for its end.
        case waits
        /// The step has no room left.
        case dropped
        /// The step was kept; the span follows by itself.
        case kept
        /// The step was not kept, so neither is the span.
        case discarded
    }

    private struct State {
        var spans: [FinishedSpan] = []
        var isKept: Bool?
    }

    private let state = Mutex(State())

    func add(_ span: FinishedSpan) -> Late {
        state.withLock { state in
            if let isKept = state.isKept { return isKept ? .kept : .discarded }
            guard state.spans.count < SpanGroup.limit else { return .dropped }
            state.spans.append(span)
            return .waits
        }
    }

    /// Ends the step.
    ///
    /// - Returns: its spans, where they are kept.
    func close(isKept: Bool) -> [FinishedSpan] {
        state.withLock { state in
            defer { state.spans = [] }
            state.isKept = isKept
            return isKept ? state.spans : []
        }
    }

    /// Whether a span of the step failed.
    var hasFailed: Bool { state.withLock { $0.spans.contains(where: \.isFailed) } }
}
