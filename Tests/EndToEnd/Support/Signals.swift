#if canImport(Darwin)
import Darwin
#elseif canImport(Musl)
import Musl
#else
import Glibc
#endif

/// The signals that tests send, so that they need no import of the system's library.
enum Signal {
    static let interrupt = SIGINT
    static let kill = SIGKILL
    static let stop = SIGSTOP
    static let terminate = SIGTERM
}
