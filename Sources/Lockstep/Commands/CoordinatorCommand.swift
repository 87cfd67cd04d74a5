internal import ArgumentParser
internal import LockstepCore
internal import LockstepRuntime

struct CoordinatorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "coordinator",
        abstract: "Coordinate a cluster: wait for the workers, then train.")

    @OptionGroup var options: JobOptions

    @Option(help: ArgumentHelp("The address to listen on, and no other.", valueName: "host:port"))
    var listen: String

    @Option(
        help: ArgumentHelp("The coordinator's identity, made by 'lockstep identity issue'.", valueName: "directory"))
    var identity: String

    @Option(
        help: ArgumentHelp(
            "Revoked certificates, written by 'lockstep identity revoke'; read again when it changes. "
                + "Default: denied.jsonl in the identity's directory, where it is or comes to be.",
            valueName: "file"))
    var denied: String?

    @Option(help: "How many workers to wait for. Default: one a core of this machine, at least 2, at most one a lane.")
    var workers: Int?

    func run() async throws {
        try await CoordinatorLauncher(
            job: options.job, overrides: options.overrides, runDirectory: options.runDirectory, resumes: options.resume,
            workers: workers, exchange: options.exchange, endurance: options.endurance, json: options.json,
            listen: listen, identity: identity,
            denied: denied
        ).run()
    }
}
