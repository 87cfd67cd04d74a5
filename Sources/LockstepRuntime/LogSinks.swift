internal import Synchronization

/// The sinks of a process's log. A file joins when the run's directory is known, a connection for as long as it lives.
package final class LogSinks: Sendable {
    private struct State {
        var next = 0
        var sinks: [(number: Int, sink: LogSink)] = []
    }

    private let state: Mutex<State>

    package init(_ sinks: [LogSink]) {
        state = Mutex(State(next: sinks.count, sinks: sinks.enumerated().map { ($0, $1) }))
    }

    package var all: [LogSink] { state.withLock { $0.sinks.map(\.sink) } }

    package func add(_ sink: LogSink) { _ = insert(sink) }

    /// - Returns: the number by which the sink can be removed.
    package func insert(_ sink: LogSink) -> Int {
        state.withLock { state in
            defer { state.next += 1 }
            state.sinks.append((state.next, sink))
            return state.next
        }
    }

    package func remove(_ number: Int) { state.withLock { $0.sinks.removeAll { $0.number == number } } }
}
