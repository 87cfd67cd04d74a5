internal import Synchronization

/// The sinks of a process's log. A file joins when the run's directory is known.
package final class LogSinks: Sendable {
    private let sinks: Mutex<[LogSink]>

    package init(_ sinks: [LogSink]) { self.sinks = Mutex(sinks) }

    package var all: [LogSink] { sinks.withLock { $0 } }

    package func add(_ sink: LogSink) { sinks.withLock { $0.append(sink) } }
}
