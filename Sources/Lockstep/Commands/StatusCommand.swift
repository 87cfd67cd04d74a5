internal import ArgumentParser
internal import LockstepRuntime

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Show what a run is doing now, or how it ended.")

    @OptionGroup var target: RunArgument

    @Flag(help: "Show it again every second until the run ends.")
    var watch = false

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        try await StatusLauncher(run: try target.directory, watches: watch, json: json).run()
    }
}
