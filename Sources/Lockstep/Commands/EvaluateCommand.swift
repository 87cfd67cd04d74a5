internal import ArgumentParser
internal import LockstepRuntime

struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate", abstract: "Evaluate a snapshot of a run on its test data, or on other data.")

    @OptionGroup var target: RunArgument

    @Option(
        name: .customLong("at"),
        help: ArgumentHelp(
            "The snapshot of this step. Default: the best one where the job keeps a best, else the newest sound one.",
            valueName: "step"))
    var step: Int?

    @Option(
        name: .customLong("set"), parsing: .singleValue,
        help: ArgumentHelp(
            "Change a value of the job, for example data.test; may be repeated.", valueName: "key.path=value"))
    var overrides: [String] = []

    @Option(help: "Compute threads. Default: all cores.")
    var threads: Int?

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        try EvaluateLauncher(
            run: try target.directory, step: step, overrides: overrides, threads: threads, json: json
        ).start()
    }
}
