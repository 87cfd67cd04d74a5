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

    /// A file that is appended to, and closed when the last copy of the sink is gone; nil where it cannot be opened.
    ///
    /// - Parameter limit: bytes of the file; when it is full it becomes `<path>.1`, in the place of the one before.
    package static func file(_ path: String, level: Logger.Level, limit: Int = 32 << 20) -> LogSink? {
        guard let file = AppendedFile(path, limit: limit) else { return nil }
        return LogSink(level: level) { line in file.append(line + "\n") }
    }
}

/// Writes all of `text` in as few calls as the system allows, and waits where the descriptor takes no more just now.
///
/// - Returns: false where not all could be written; `errno` says why. For a log there is nowhere left to tell it.
@discardableResult
package func writeAll(_ text: String, to descriptor: Int32) -> Bool {
    var text = text
    return text.withUTF8 { writeAll(UnsafeRawBufferPointer($0), to: descriptor) }
}

/// The same for bytes.
func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
    bytes.withUnsafeBytes { writeAll($0, to: descriptor) }
}

private func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Bool {
    var rest = bytes
    while let base = rest.baseAddress, !rest.isEmpty {
        let written = write(descriptor, base, rest.count)
        if written > 0 {
            rest = UnsafeRawBufferPointer(rebasing: rest[written...])
        } else if written < 0, errno == EAGAIN {
            guard waitUntilReady(descriptor, for: Int16(POLLOUT)) else { return false }
        } else if written == 0 || errno != EINTR {
            return false
        }
    }
    return true
}

/// Waits until a descriptor that does not block is ready, or broken, which the next call on it will say.
///
/// - Returns: false where the system cannot tell.
func waitUntilReady(_ descriptor: Int32, for events: Int16) -> Bool {
    var waiting = pollfd(fd: descriptor, events: events, revents: 0)
    while poll(&waiting, 1, -1) < 0 {
        guard errno == EINTR || errno == EAGAIN else { return false }
    }
    return true
}
