internal import ArgumentParser
internal import LockstepRuntime

struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measure this machine.", subcommands: [Step.self])

    struct Step: AsyncParsableCommand {
        enum Switch: String, ExpressibleByArgument, CaseIterable {
            case on, off
        }

        static let configuration = CommandConfiguration(
            abstract: "How fast a job trains here, and what tracing costs it.")

        @Argument(help: "The job file. A training program of your own has its job in it and takes none.")
        var job: String?

        @Option(help: "Worker processes. Default: one a core, at least 2, at most one a lane.")
        var workers: Int?

        @Option(help: "Compute threads of each worker. Default: cores / workers.")
        var threads: Int?

        @Option(help: "on or off: whether the run is traced.")
        var traces: Switch = .on

        @Option(help: "Run so many pairs, traced and untraced in turn, and compare them.")
        var pairs: Int = 0

        @Option(
            name: .customLong("set"), parsing: .singleValue,
            help: ArgumentHelp("Change a value of the job; may be repeated.", valueName: "key.path=value"))
        var overrides: [String] = []

        @Flag(help: "Print JSON lines.")
        var json = false

        func run() async throws {
            try await StepBench(
                job: job, overrides: overrides, workers: workers, threads: threads, pairs: pairs,
                traces: traces == .on, json: json
            ).run()
        }
    }
}
