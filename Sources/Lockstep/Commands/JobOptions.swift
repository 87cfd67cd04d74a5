internal import ArgumentParser
internal import LockstepCluster
internal import LockstepJobs
internal import LockstepRuntime

/// What `train` and `coordinator` share.
struct JobOptions: ParsableArguments {
    @Argument(help: "The job file. A training program of your own has its job in it and takes none.")
    var job: String?

    @Option(name: .customLong("run-directory"), help: "Where the run is kept. Default: runs/<job name>/<start time>.")
    var runDirectory: String?

    @Flag(help: "Go on with a run from its newest sound snapshot. Default: the job's latest run.")
    var resume = false

    @Option(
        name: .customLong("set"), parsing: .singleValue,
        help: ArgumentHelp("Change a value of the job; may be repeated.", valueName: "key.path=value"))
    var overrides: [String] = []

    @Option(
        help: "Links between each pair of workers, on an event loop each. Default: chosen by measurement at the start.")
    var links: Int?

    @Option(
        help: ArgumentHelp(
            "Sum gradients in buckets of this size, each as soon as it is complete. Default: chosen by measurement at the start.",
            valueName: "bytes"))
    var bucketBytes: Int?

    @Option(
        help: ArgumentHelp(
            "With fewer workers the run pauses until enough have come.", valueName: "count"))
    var minWorkers: Int = 1

    @Option(
        help: ArgumentHelp(
            "So many workers may be lost, and others take over what they did; the next one ends the run.",
            valueName: "count"))
    var maxFailures: Int = 100

    @Option(
        help: ArgumentHelp(
            "So many workers beyond those asked for follow the run without computing, ready to take the place of one that is lost. "
                + "With none of them whoever comes computes.",
            valueName: "count"))
    var spares: Int = 0

    @Flag(help: "Print JSON lines to standard output.")
    var json = false

    /// How gradients are to travel; it never changes a result.
    var exchange: ExchangeWish { ExchangeWish(links: links, bucketBytes: bucketBytes) }

    /// How many workers the run can do without.
    var endurance: RunEndurance {
        RunEndurance(minWorkers: minWorkers, maxFailures: maxFailures, spares: spares)
    }

    func validate() throws {
        guard !ProgramJob.isRegistered || job == nil else {
            throw ValidationError("this program is a job of its own and takes no job file; leave the argument out")
        }
    }
}
