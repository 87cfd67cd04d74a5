internal import LockstepCore
internal import LockstepEngine
internal import Logging

/// What the launchers share.
enum Launch {
    static func defaultWorkers(lanes: Int) -> Int { min(lanes, max(2, Machine.cores)) }

    static func check(threads: Int?) throws(CommandError) {
        if let threads, !(1...1024).contains(threads) {
            throw .usage("--threads \(threads): a worker has 1 to 1024 compute threads")
        }
    }

    /// The kernels that `LOCKSTEP_ISA` forces, or the fastest ones of this CPU.
    @discardableResult
    static func checkInstructionSet() throws -> Kernels {
        var environment: [String: String] = [:]
        environment["LOCKSTEP_ISA"] = Machine.environment("LOCKSTEP_ISA")
        return try Kernels.selected(environment: environment)
    }

    static func logger(
        _ label: String, _ sinks: LogSinks, _ provider: Logger.MetadataProvider? = nil
    ) -> Logger {
        Logger(label: label) { LineLogHandler(label: $0, sinks: sinks, metadataProvider: provider) }
    }

    /// For libraries whose own words are no news to the user.
    static var quietLogger: Logger { Logger(label: "services") { _ in SwiftLogNoOpLogHandler() } }

    /// Standard error: whole lines in a file, and on a terminal lines that step over the progress bar.
    static func terminalSink(level: Logger.Level) -> LogSink {
        guard StandardStreams.errorIsTerminal else { return .standardError(level: level, isPlain: level == .warning) }
        return LogSink(level: level, isPlain: true) { StandardStreams.writeErrorText("\r\u{1B}[K\($0)\n") }
    }

    /// - Throws: the outcome as `CommandError`, unless it is success.
    static func end(_ outcome: RunOutcome?) throws(CommandError) {
        guard let outcome else { throw CommandError(.interrupted, "") }
        guard outcome.exitCode == .success else { throw CommandError(outcome.exitCode, outcome.message) }
    }
}
