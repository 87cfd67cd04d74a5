internal import ArgumentParser
internal import LockstepData
internal import LockstepRuntime

struct DataCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "data", abstract: "Look at files of data, and at which samples a run used.",
        subcommands: [Inspect.self, Audit.self])

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

    struct Audit: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prove that every sample of every completed epoch of a run counted exactly once.",
            discussion: """
                Computes anew which samples each worker's lanes held in every step, and compares that with what the run's \
                journal and metrics.jsonl say. Exits with 3 where something is not proved, and names worker, step and epoch.
                """)

        @OptionGroup var target: RunArgument

        @Flag(help: "Print JSON.")
        var json = false

        func run() throws { try AuditLauncher(run: target.directory, json: json).run() }
    }
}
