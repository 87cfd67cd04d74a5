internal import ArgumentParser
internal import LockstepRuntime

struct PlanCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Explain a job: layers, parameters, memory, and what each worker computes and sends.")

    @Argument(help: "The job file. A training program of your own has its job in it and takes none.")
    var job: String?

    @Option(help: "Workers to share the job. Default: as many as 'train' takes.")
    var workers: Int?

    @Option(help: "Compute threads of each worker. Default: as many as 'train' takes.")
    var threads: Int?

    @Option(
        name: .customLong("set"), parsing: .singleValue,
        help: ArgumentHelp("Change a value of the job; may be repeated.", valueName: "key.path=value"))
    var overrides: [String] = []

    @Flag(
        help: "Start the workers as 'train' does, measure, and show how gradients would travel: buckets, links, times.")
    var measure = false

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        try await PlanLauncher(
            job: job, overrides: overrides, workers: workers, threads: threads, measures: measure, json: json
        ).run()
    }
}
