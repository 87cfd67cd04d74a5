internal import ArgumentParser
internal import LockstepRuntime

struct DrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain",
        abstract: "Let a worker leave a run: it finishes its step, the others take its lanes over.",
        discussion: "Waits until it has left. In 'train' no other takes its place.")

    @OptionGroup var target: RunArgument

    @Option(help: "The worker's name, as 'lockstep status' shows it.")
    var worker: String

    @Option(help: "How long to wait until it has left, for example 30s or 10m.")
    var wait: String = "60s"

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        try await DrainLauncher(run: try target.directory, worker: worker, wait: wait, json: json).run()
    }
}
