internal import ArgumentParser
internal import LockstepData
internal import LockstepRuntime

struct DataCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "data", abstract: "Look at files of data.", subcommands: [Inspect.self])

    struct Inspect: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say what is in a file: shapes, columns and their ranges, classes, missing values.")

        @Argument(
            help: "A CSV, npy, safetensors, IDX, CIFAR-10 or PNG file, plain or gzip, or a directory of PNG files.")
        var file: String

        func run() throws {
            for line in try DataInspection.describe(path: file) { StandardStreams.write(line) }
        }
    }
}
