public import ArgumentParser
internal import LockstepCore
internal import LockstepRuntime

/// The `lockstep` command.
public struct LockstepCommand: AsyncParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "lockstep",
        abstract: "Trains neural networks on ordinary machines: the same bits for any number of workers.",
        discussion: """
            Exit codes: 0 done; 1 the run failed; 2 wrong usage or job; 3 verification failed; 4 refused; \
            75 temporary, try again; 130 after SIGINT.
            """,
        version: lockstepVersionText,
        subcommands: [
            TrainCommand.self, CoordinatorCommand.self, WorkerCommand.self, IdentityCommand.self, PlanCommand.self,
            StatusCommand.self, DrainCommand.self, TraceCommand.self, SnapshotCommand.self, EvaluateCommand.self,
            PredictCommand.self,
            DataCommand.self, BenchCommand.self,
        ])

    public init() {}

    /// Runs the command that the process's arguments name, and exits.
    public static func main() async {
        await main(nil)
    }

    public static func main(_ arguments: [String]?) async {
        StandardStreams.prepare()
        CrashSignals.endAtOnce()
        do {
            let command = try parseAsRoot(arguments ?? ProcessArguments.afterName)
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                // Safe: this thread waits until the other is done with it.
                nonisolated(unsafe) let synchronous = command
                try DetachedThread.perform("command") {
                    var command = synchronous
                    try command.run()
                }
            }
            StandardStreams.exit(.success)
        } catch let error as CommandError {
            if !error.message.isEmpty { StandardStreams.writeError("lockstep: \(error.message)") }
            StandardStreams.exit(error.exitCode)
        } catch {
            guard exitCode(for: error) != .success else {
                StandardStreams.write(fullMessage(for: error))
                StandardStreams.exit(.success)
            }
            StandardStreams.writeError("lockstep: \(usageLine(for: error))")
            StandardStreams.exit(.usage)
        }
    }

    /// What is wrong with the arguments and where the right ones are shown, in one line.
    private static func usageLine(for error: any Error) -> String {
        let lines = fullMessage(for: error).split(separator: "\n").map { $0.drop { $0 == " " } }
        let message = message(for: error)
        let hint = lines.last { $0.hasPrefix("See '") } ?? "See 'lockstep --help'."
        return (message + (message.hasSuffix("?") ? " " : ". ") + hint).escapedForDisplay(limit: 1000)
    }
}
