package import Logging

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// A file descriptor that takes log lines, whole, from any thread.
package struct LogSink: Sendable {
    package let level: Logger.Level
    /// Plain sinks show the message alone, for a person at a terminal.
    package let isPlain: Bool
    private let write: @Sendable (String) -> Void

    package init(level: Logger.Level, isPlain: Bool = false, write: @escaping @Sendable (String) -> Void) {
        self.level = level
        self.isPlain = isPlain
        self.write = write
    }

    package func write(_ line: String) { write(line) }

    /// Standard error, full lines.
    package static func standardError(level: Logger.Level, isPlain: Bool = false) -> LogSink {
        LogSink(level: level, isPlain: isPlain) { line in writeAll(line + "\n", to: STDERR_FILENO) }
    }

    /// A file that is appended to; nil where it cannot be opened.
    package static func file(_ path: String, level: Logger.Level) -> LogSink? {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { return nil }
        return LogSink(level: level) { line in writeAll(line + "\n", to: descriptor) }
    }
}

/// Writes all of `text` in as few calls as the system allows. Errors are dropped: there is nowhere left to tell them.
package func writeAll(_ text: String, to descriptor: Int32) {
    var text = text
    text.withUTF8 { bytes in
        var rest = UnsafeRawBufferPointer(bytes)
        while let base = rest.baseAddress, !rest.isEmpty {
            let written = write(descriptor, base, rest.count)
            if written < 0 {
                if errno == EINTR || errno == EAGAIN { continue }
                return
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[written...])
        }
    }
}
