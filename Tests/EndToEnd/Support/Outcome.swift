import LockstepFormats

/// How a process ended, and all that it wrote.
struct Outcome: Sendable, CustomStringConvertible {
    enum End: Sendable, Hashable {
        case exited(Int32)
        case signaled(Int32)
    }

    let command: String
    let end: End
    let output: [String]
    let errors: [String]

    var exitCode: Int32? {
        guard case .exited(let code) = end else { return nil }
        return code
    }

    /// The events of `--json`, in order.
    var events: [JSONValue] {
        get throws { try output.map { try JSONValue(parsing: Array($0.utf8)) } }
    }

    /// The events of that name.
    func events(_ name: String) throws -> [JSONValue] { try events.filter { $0["event"]?.string == name } }

    var errorText: String { errors.joined(separator: "\n") }

    var description: String { Outcome.transcript(command, "\(end)", output, errors) }

    /// What a failing test shows of a process.
    static func transcript(_ command: String, _ end: String, _ output: [String], _ errors: [String]) -> String {
        """
        $ \(command)
        \(end)
        --- standard output, last lines of \(output.count)
        \(output.suffix(5).joined(separator: "\n"))
        --- standard error, last lines of \(errors.count)
        \(errors.suffix(20).joined(separator: "\n"))
        """
    }
}

/// Something did not happen in time, or not at all.
struct Missing: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
