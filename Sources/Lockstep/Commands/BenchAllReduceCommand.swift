internal import ArgumentParser
internal import LockstepCore
internal import LockstepRuntime

extension BenchCommand {
    struct AllReduce: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "allreduce",
            abstract: "How long vectors take to be summed over all workers, on this machine or between machines.",
            discussion: """
                Without --listen and --join the workers are processes on this machine. Between machines: \
                'lockstep bench allreduce --listen HOST:PORT --identity DIR --workers N' on one, and \
                'lockstep bench allreduce --join HOST:PORT --identity DIR' for each worker.
                """)

        @Option(help: "Workers. Default: one a core of this machine, at least 2.")
        var workers: Int?

        @Option(help: ArgumentHelp("Sizes of the vectors. Default: 1K to 256M.", valueName: "1K,256K,4M"))
        var sizes: String?

        @Option(help: "Rounds of each size. Default: 1000 of small vectors, 5 of the largest.")
        var rounds: Int?

        @Flag(help: "No TLS on the links between workers, to show what it costs. Each worker must be given it too.")
        var clear = false

        @Option(help: "Links between each pair of workers. Default: 1.")
        var links: Int?

        @Flag(
            exclusivity: .exclusive,
            help:
                "Whether event loops poll while an operation is outstanding, which takes a core each. Default: asleep.")
        var waiting: Waiting?

        @Option(
            help: ArgumentHelp(
                "Wait here for workers that join; with --join, where this worker takes other workers' connections.",
                valueName: "host:port"))
        var listen: String?

        @Option(help: ArgumentHelp("Be a worker of the measurement that listens there.", valueName: "host:port"))
        var join: String?

        @Option(
            help: ArgumentHelp("The coordinator's or the worker's identity, as in training.", valueName: "directory"))
        var identity: String?

        @Option(
            help: ArgumentHelp(
                "With --join: the address that other workers are told to dial. Default: the one listened on.",
                valueName: "host:port"))
        var advertise: String?

        @Option(
            help: ArgumentHelp(
                "With --join: run on these cores only, for example 0,1. Default: all.", valueName: "list"))
        var cores: String?

        @Flag(help: "Print a JSON line a size.")
        var json = false

        enum Waiting: String, EnumerableFlag {
            case awake, asleep
        }

        func validate() throws {
            if join == nil {
                guard advertise == nil, cores == nil else {
                    throw ValidationError("--advertise and --cores are a worker's; give --join too")
                }
            } else {
                guard identity != nil else {
                    throw ValidationError("--join: a worker has to show who it is; give --identity too")
                }
                guard workers == nil, sizes == nil, rounds == nil, links == nil, waiting == nil, !json else {
                    throw ValidationError(
                        "--join: the side that listens says what is measured; give a worker no --workers, --sizes, --rounds, --links, --awake, --asleep or --json"
                    )
                }
            }
        }

        func run() async throws {
            if let join, let identity {
                try await WorkerLauncher(
                    join: join, identity: identity, threads: 1, data: ".", listen: listen, advertise: advertise,
                    patience: "10m", cores: cores, allowsClear: clear
                ).run()
            } else {
                try await AllReduceBench(
                    AllReduceBench.Options(
                        workers: workers, sizes: sizes, rounds: rounds, isClear: clear, links: links ?? 1,
                        isAwake: waiting == .awake, listen: listen, identity: identity, json: json)
                ).run()
            }
        }
    }
}
