/// How a process ended.
enum ProcessEnd: Sendable, Hashable, CustomStringConvertible {
    case exited(Int32)
    case signaled(Int32)
    /// There was no process.
    case notRun(reason: String)

    var description: String {
        switch self {
        case .exited(let code): "exit status \(code)"
        case .signaled(let number):
            "signal \(number)\(ProcessEnd.signalNames[number].map { " (\($0))" } ?? "")"
        case .notRun(let reason): "its process could not be run: \(reason)"
        }
    }

    private static let signalNames: [Int32: String] = [
        1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 5: "SIGTRAP", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE",
        9: "SIGKILL", 11: "SIGSEGV", 13: "SIGPIPE", 15: "SIGTERM",
    ]
}
