package import LockstepCore

/// Why a connection was not made, or is no more. The texts are one line, in words, with foreign text escaped.
package enum LinkError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Nobody there, or no answer in time. Worth trying again.
    case unreachable(String)
    /// One side does not accept the other's identity. Trying again cannot help.
    case refused(String)
    /// The peer sent something that the protocol does not allow.
    case violation(String)
    /// The connection ended, in order or not.
    case closed(String)

    package var reason: String {
        switch self {
        case .unreachable(let reason), .refused(let reason), .violation(let reason), .closed(let reason): reason
        }
    }

    package var description: String { reason }

    /// Whether a later try may succeed without anybody mending anything.
    package var isWorthRetrying: Bool {
        switch self {
        case .unreachable, .closed: true
        case .refused, .violation: false
        }
    }

    /// The error that ends the command: 4 for a refused identity, 75 for what may pass, 1 otherwise.
    package var commandError: CommandError {
        switch self {
        case .refused: CommandError(.refused, reason)
        case .unreachable, .closed: CommandError(.temporary, reason)
        case .violation: CommandError(.failed, reason)
        }
    }
}
