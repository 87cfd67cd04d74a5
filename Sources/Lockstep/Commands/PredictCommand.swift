internal import ArgumentParser
internal import LockstepCore
internal import LockstepRuntime

struct PredictCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "predict", abstract: "Apply a snapshot of a run to new inputs, or let it continue a text.")

    @OptionGroup var target: RunArgument

    @Option(
        name: .customLong("at"),
        help: ArgumentHelp(
            "The snapshot of this step. Default: the best one where the job keeps a best, else the newest sound one.",
            valueName: "step"))
    var step: Int?

    @Option(
        help: ArgumentHelp(
            "A PNG file or a directory of them, an IDX, CSV or npy file, or a file with a text in each line.",
            valueName: "file"))
    var input: String?

    @Option(help: ArgumentHelp("A text that a model of bytes continues.", valueName: "text"))
    var prompt: String?

    @Option(help: ArgumentHelp("How many bytes the prompt is continued by. Default: 200.", valueName: "bytes"))
    var length: Int?

    @Option(
        help: ArgumentHelp(
            "How freely bytes are chosen: 0 takes the likeliest, 1 chooses by the model's probabilities. Default: 0.8.",
            valueName: "number"))
    var temperature: Double?

    @Option(help: "The seed of the choices. Default: 0.")
    var seed: UInt64?

    @Option(
        help: ArgumentHelp(
            "Where to write the predictions: a .json, .csv or .npy file; for a prompt any file. Default: standard output.",
            valueName: "file"))
    var output: String?

    @Option(help: "Compute threads. Default: all cores.")
    var threads: Int?

    func run() throws {
        try PredictLauncher(
            run: try target.directory, step: step, request: try request, output: output, threads: threads
        ).start()
    }

    private var request: PredictLauncher.Request {
        get throws(CommandError) {
            switch (input, prompt) {
            case (let input?, nil):
                guard length == nil, temperature == nil, seed == nil else {
                    throw .usage("--length, --temperature and --seed are for --prompt; leave them out with --input")
                }
                return .inputs(path: input)
            case (nil, let prompt?):
                return .continuation(
                    of: prompt,
                    TextSampling(length: length ?? 200, temperature: temperature ?? 0.8, seed: seed ?? 0))
            case (_?, _?): throw .usage("--input and --prompt are both given; keep one")
            case (nil, nil): throw .usage("nothing to predict for; name a file with --input, or a text with --prompt")
            }
        }
    }
}
