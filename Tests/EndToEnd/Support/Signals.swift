#if canImport(Darwin)
import Darwin
#elseif canImport(Musl)
import Musl
#else
import Glibc
#endif

/// The signals that tests send, so that they need no import of the system's library.
enum Signal {
    static let abort = SIGABRT
    static let hangUp = SIGHUP
    static let interrupt = SIGINT
    static let invalidAccess = SIGSEGV
    static let kill = SIGKILL
    /// Lets a stopped process go on.
    static let proceed = SIGCONT
    static let quit = SIGQUIT
    static let stop = SIGSTOP
    static let terminate = SIGTERM

    static func send(_ signal: Int32, to processIdentifier: Int32) {
        #if canImport(Darwin)
        _ = Darwin.kill(processIdentifier, signal)
        #elseif canImport(Musl)
        _ = Musl.kill(processIdentifier, signal)
        #else
        _ = Glibc.kill(processIdentifier, signal)
        #endif
    }
}
