#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Where the executable under test lies: where `LOCKSTEP_EXECUTABLE` says, or beside the tests' own executable.
enum ExecutablePath {
    static let lockstep = ProcessInfo.processInfo.environment["LOCKSTEP_EXECUTABLE"] ?? beside("lockstep")

    /// An executable that was built with the tests.
    static func beside(_ name: String) -> String {
        let own =
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
            ?? CommandLine.arguments.first ?? ""
        return own.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
            + "/" + name
    }
}
