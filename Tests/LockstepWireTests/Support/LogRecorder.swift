import Logging
import Synchronization

/// Records warnings, and lets a test wait for the next one.
final class LogRecorder: Sendable {
    private let all = Mutex<[String]>([])
    private let stream: AsyncStream<String>
    private let continuation: AsyncStream<String>.Continuation

    init() { (stream, continuation) = AsyncStream.makeStream(of: String.self) }

    var logger: Logger { Logger(label: "test") { _ in Handler(recorder: self) } }

    /// All warnings so far.
    var warnings: [String] { all.withLock { $0 } }

    /// Waits for the next warning that was not waited for yet.
    func nextWarning() async -> String {
        for await line in stream { return line }
        return ""
    }

    private func record(_ line: String) {
        all.withLock { $0.append(line) }
        continuation.yield(line)
    }

    private struct Handler: LogHandler {
        let recorder: LogRecorder
        var metadata: Logger.Metadata = [:]
        var logLevel: Logger.Level = .trace

        init(recorder: LogRecorder) { self.recorder = recorder }

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            if event.level >= .warning { recorder.record("\(event.message)") }
        }
    }
}
