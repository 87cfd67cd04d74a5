internal import ArgumentParser
internal import LockstepCore
internal import LockstepRuntime

struct TrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Train a job on this machine: a coordinator and worker processes, connected by mutual TLS.")

    @OptionGroup var options: JobOptions

    @Option(help: "Worker processes, without spares. Default: one a core, at least 2, at most one a lane.")
    var workers: Int?

    @Option(help: "Compute threads of each worker. Default: cores / workers.")
    var threads: Int?

    func run() async throws {
        try await TrainLauncher(
            job: options.job, overrides: options.overrides,
            placement: options.resume ? .resume(options.runDirectory) : .new(options.runDirectory), workers: workers,
            threads: threads, exchange: options.exchange, endurance: options.endurance,
            output: .standard(json: options.json)
        ).run()
    }
}
