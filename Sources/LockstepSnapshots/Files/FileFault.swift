internal import LockstepCore

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// A call to the file system that failed.
package struct FileFault: Error, Sendable, Equatable, CustomStringConvertible {
    /// As `errno` says it.
    package let code: Int32
    package let path: String

    package init(code: Int32, path: String) {
        self.code = code
        self.path = path
    }

    /// One line: the path and the system's reason.
    package var description: String { "“\(path.escapedForDisplay())”: \(reason)" }

    /// The system's reason alone.
    package var reason: String { String(cString: strerror(code)) }

    var isMissing: Bool { code == ENOENT || code == ENOTDIR }

    /// Whether what lies on the disk is to blame, rather than this process or its rights: it is missing, unreadable,
    /// or of another kind than a plain file.
    var isDamage: Bool { isMissing || code == EIO || code == ELOOP || code == EISDIR || code == ENXIO }

    var commandError: CommandError { .failed(description) }
}
