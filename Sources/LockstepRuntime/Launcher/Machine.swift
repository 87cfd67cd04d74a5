internal import NIOCore

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// What this machine and this process's surroundings are.
enum Machine {
    /// Cores that this process may use.
    static var cores: Int {
        // NIO asks for this process's share of the machine: affinity and control group count.
        max(1, System.coreCount)
    }

    static func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
}
