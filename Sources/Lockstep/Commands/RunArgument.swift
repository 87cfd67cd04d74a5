internal import ArgumentParser
internal import LockstepCore
internal import LockstepRuntime

/// The run that a command is about.
struct RunArgument: ParsableArguments {
    @Argument(help: ArgumentHelp("The run directory. Default: the run that was started last.", valueName: "run"))
    var path: String?

    var directory: RunDirectory {
        get throws(CommandError) { try RunLocator.find(path) }
    }
}
