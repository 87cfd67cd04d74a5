internal import ArgumentParser
internal import LockstepRuntime

struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measure this machine and network.",
        subcommands: [Gemm.self, Conv.self, Step.self, AllReduce.self])

    struct Gemm: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "How fast matrix products are, and what of the core's limit that is.")

        @OptionGroup var options: KernelOptions

        func run() throws { try ProductBench(isa: options.isa, json: options.json).run() }
    }

    struct Conv: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "How fast convolutions are, and what of the core's limit that is.")

        @OptionGroup var options: KernelOptions

        func run() throws { try ConvolutionBench(isa: options.isa, json: options.json).run() }
    }

    struct KernelOptions: ParsableArguments {
        @Option(help: "avx512, avx2, neon or generic. Default: LOCKSTEP_ISA, or the fastest of this CPU.")
        var isa: String?

        @Flag(help: "Print JSON lines.")
        var json = false
    }

    struct Step: AsyncParsableCommand {
        enum Switch: String, ExpressibleByArgument, CaseIterable {
            case on, off
        }

        static let configuration = CommandConfiguration(
            abstract: "How fast a job trains here, and what tracing costs it.")

        @Argument(help: "The job file. A training program of your own has its job in it and takes none.")
        var job: String?

        @Option(help: "Worker processes. Default: one a core, at least 2, at most one a lane.")
        var workers: Int?

        @Option(help: "Compute threads of each worker. Default: cores / workers.")
        var threads: Int?

        @Option(help: "Samples of a step, in the place of the job's.")
        var batch: Int?

        @Option(help: "Lanes, in the place of the job's.")
        var lanes: Int?

        @Option(help: "Links between each pair of workers. Default: chosen by measurement.")
        var links: Int?

        @Option(help: "Bytes of a bucket of gradients. Default: chosen by measurement.")
        var bucketBytes: Int?

        @Option(help: "on or off: whether the run is traced.")
        var traces: Switch = .on

        @Option(help: "Run so many pairs, traced and untraced in turn, and compare them.")
        var pairs: Int = 0

        @Option(
            name: .customLong("set"), parsing: .singleValue,
            help: ArgumentHelp("Change a value of the job; may be repeated.", valueName: "key.path=value"))
        var overrides: [String] = []

        @Flag(
            inversion: .prefixedNo,
            help: "Show where a step's time goes, operation by operation, for one worker; not beside --pairs.")
        var profile = true

        @Flag(help: "Print JSON lines.")
        var json = false

        func run() async throws {
            let values = [batch.map { "batchSize=\($0)" }, lanes.map { "lanes=\($0)" }].compactMap { $0 }
            try await StepBench(
                StepBench.Options(
                    job: job, overrides: overrides + values, workers: workers, threads: threads, links: links,
                    bucketBytes: bucketBytes, pairs: pairs, traces: traces == .on, profile: profile, json: json)
            ).run()
        }
    }
}
