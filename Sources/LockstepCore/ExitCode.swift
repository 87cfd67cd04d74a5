/// How every Lockstep process ends. `docs/architecture.md` lists them for users.
public enum ExitCode: Int32, Sendable, Codable {
    case success = 0
    case failed = 1
    case usage = 2
    case verification = 3
    case refused = 4
    case temporary = 75
    case interrupted = 130
}

/// An error that ends a command: one line for the user, and the exit code that goes with it.
public struct CommandError: Error, Sendable, Equatable, CustomStringConvertible {
    public let exitCode: ExitCode
    /// Says what is wrong, where, and how to mend it.
    public let message: String

    public init(_ exitCode: ExitCode, _ message: String) {
        self.exitCode = exitCode
        self.message = message
    }

    public static func usage(_ message: String) -> CommandError { CommandError(.usage, message) }
    public static func failed(_ message: String) -> CommandError { CommandError(.failed, message) }
    public static func refused(_ message: String) -> CommandError { CommandError(.refused, message) }

    public var description: String { message }
}
