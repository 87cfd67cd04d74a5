internal import ArgumentParser
internal import LockstepCore
internal import LockstepRuntime

struct WorkerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker",
        abstract: "Work for a coordinator; the job is learned from it.")

    @Option(help: ArgumentHelp("The coordinator's address.", valueName: "host:port"))
    var join: String

    @Option(
        help: ArgumentHelp(
            "This worker's identity, made by 'lockstep identity issue'; '-' reads it from standard input, whose end then ends the worker.",
            valueName: "directory"))
    var identity: String

    @Option(help: "Compute threads. Default: as many as cores; the workers of a host share them.")
    var threads: Int?

    @Option(help: ArgumentHelp("Data files are opened only beneath this directory.", valueName: "directory"))
    var data: String = "."

    @Option(
        help: ArgumentHelp(
            "The address to take other workers' connections on. Default: the local address of the connection to the coordinator.",
            valueName: "host:port"))
    var listen: String?

    @Option(
        help: ArgumentHelp(
            "The address that other workers are told to dial. Default: the one listened on.", valueName: "host:port"))
    var advertise: String?

    @Option(help: ArgumentHelp("Run on these cores only, for example 0,1. Default: all.", valueName: "list"))
    var cores: String?

    @Option(help: "How long to go on without the coordinator, and to try to reach it, for example 30s or 10m.")
    var patience: String = "10m"

    @Option(help: "How long handing over may take after SIGTERM, for example 30s. A second SIGTERM ends at once.")
    var grace: String = "30s"

    func run() async throws {
        try await WorkerLauncher(
            join: join, identity: identity, threads: threads, data: data, listen: listen, advertise: advertise,
            patience: patience, grace: grace, cores: cores
        ).run()
    }
}
