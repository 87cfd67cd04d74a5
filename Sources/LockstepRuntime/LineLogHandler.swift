internal import LockstepCore
package import Logging

/// Writes log events as lines: time, level, label, message, then the metadata in order of their keys.
package struct LineLogHandler: LogHandler {
    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?
    private let label: String
    private let sinks: LogSinks

    /// - Parameter sinks: where lines go, each from a level of its own.
    package init(label: String, sinks: LogSinks, metadataProvider: Logger.MetadataProvider? = nil) {
        self.label = label
        self.sinks = sinks
        self.metadataProvider = metadataProvider
        self.logLevel = .debug
    }

    package subscript(metadataKey key: String) -> Logger.MetadataValue? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var merged = metadata
        if let provided = metadataProvider?.get() { merged.merge(provided) { $1 } }
        if let given = event.metadata { merged.merge(given) { $1 } }
        if let error = event.error { merged["error"] = "\(String(describing: error).escapedForDisplay())" }
        let pairs = merged.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        let details = pairs.isEmpty ? "" : " [\(pairs.joined(separator: " "))]"
        for sink in sinks.all where event.level >= sink.level {
            let message = "\(event.message)"
            sink.write(
                sink.isPlain
                    ? "\(message)"
                    : "\(ProcessClock.timestamp()) \(event.level.rawValue) \(label): \(message)\(details)")
        }
    }
}
