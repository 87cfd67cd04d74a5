internal import CLockstepSystem

/// What this process was started with.
package enum ProcessArguments {
    /// Its arguments without its own name. Swift's own list comes from /proc, which a bare root directory lacks.
    package static var afterName: [String] {
        let count = Int(ls_system_argument_count())
        guard count > 0 else { return Array(CommandLine.arguments.dropFirst()) }
        return (1..<count).map { index in
            ls_system_argument(Int32(index)).map { String(cString: $0) } ?? ""
        }
    }
}
