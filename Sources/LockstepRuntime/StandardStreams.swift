internal import CLockstepSystem
package import LockstepCore

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// Standard output for results, standard error for people, and the way out of the process.
package enum StandardStreams {
    /// Writing to a reader that has gone is an error here, not a signal.
    package static func prepare() { signal(SIGPIPE, SIG_IGN) }

    package static func write(_ line: String) { writeAll(line + "\n", to: STDOUT_FILENO) }

    /// Text without a line's end.
    package static func writeText(_ text: String) { writeAll(text, to: STDOUT_FILENO) }

    package static func writeError(_ line: String) { writeAll(line + "\n", to: STDERR_FILENO) }

    /// Text without a line's end, for a progress bar.
    package static func writeErrorText(_ text: String) { writeAll(text, to: STDERR_FILENO) }

    package static var errorIsTerminal: Bool { isatty(STDERR_FILENO) == 1 }

    /// Columns of the terminal behind standard error; 0 where there is none.
    static var errorColumns: Int { Int(ls_system_columns(STDERR_FILENO)) }

    /// Columns of the terminal behind standard output; 80 where there is none.
    package static var outputColumns: Int {
        let columns = Int(ls_system_columns(STDOUT_FILENO))
        return columns > 0 ? columns : 80
    }

    package static func exit(_ code: ExitCode) -> Never {
        #if canImport(Glibc)
        Glibc.exit(code.rawValue)
        #elseif canImport(Musl)
        Musl.exit(code.rawValue)
        #else
        Darwin.exit(code.rawValue)
        #endif
    }
}
