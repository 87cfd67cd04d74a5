internal import ArgumentParser
internal import LockstepRuntime

struct PredictCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "predict", abstract: "Apply a snapshot of a run to new inputs.")

    @OptionGroup var target: RunArgument

    @Option(
        name: .customLong("at"),
        help: ArgumentHelp(
            "The snapshot of this step. Default: the best one where the job keeps a best, else the newest sound one.",
            valueName: "step"))
    var step: Int?

    @Option(help: ArgumentHelp("A PNG file or a directory of them, or an IDX, CSV or npy file.", valueName: "file"))
    var input: String

    @Option(
        help: ArgumentHelp(
            "Where to write the predictions: a .json, .csv or .npy file. Default: JSON lines on standard output.",
            valueName: "file"))
    var output: String?

    @Option(help: "Compute threads. Default: all cores.")
    var threads: Int?

    func run() throws {
        try PredictLauncher(
            run: try target.directory, step: step, input: input, output: output, threads: threads
        ).start()
    }
}
