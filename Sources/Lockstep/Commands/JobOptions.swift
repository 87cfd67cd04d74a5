internal import ArgumentParser
internal import LockstepJobs

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

    @Flag(help: "Print JSON lines to standard output.")
    var json = false

    func validate() throws {
        guard !ProgramJob.isRegistered || job == nil else {
            throw ValidationError("this program is a job of its own and takes no job file; leave the argument out")
        }
    }
}
