internal import ArgumentParser
internal import LockstepCore
internal import LockstepFormats
internal import LockstepInspection
internal import LockstepRuntime

struct TraceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trace",
        abstract: "Where the time went, who was slow, how the loss fell.",
        subcommands: [Summary.self, Plot.self, Export.self], defaultSubcommand: Summary.self)

    struct Summary: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "How the time divides among stages, and which steps were slow.")

        @OptionGroup var target: RunArgument

        @Option(help: "How many of the slowest steps to show.")
        var slowest: Int = 5

        @Flag(help: "Print JSON.")
        var json = false

        func run() throws {
            let directory = try target.directory
            let trace = try TraceReader().read(directory: directory.traces)
            let summary = TraceSummary(trace, slowest: max(0, slowest))
            if json {
                StandardStreams.write(summary.json.text)
            } else {
                for line in TraceSummaryText.lines(summary, width: StandardStreams.outputColumns) {
                    StandardStreams.write(line)
                }
            }
        }
    }

    struct Plot: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Draw the loss, or a metric, over the steps.")

        @OptionGroup var target: RunArgument

        @Option(help: "What to draw: loss, learningRate, samplesPerSecond, or a metric's name.")
        var value: String = "loss"

        @Option(help: ArgumentHelp("Write an SVG image instead.", valueName: "file"))
        var svg: String?

        @Flag(help: "Print the points as JSON.")
        var json = false

        func run() throws {
            let directory = try target.directory
            let curve = try LossCurve(metricsFile: directory.metrics, value: value)
            if json {
                StandardStreams.write(curve.json.text)
            } else if let svg {
                let title = (try? RunDescription(directory).run) ?? directory.path
                try OutputFile.write(Array(LossCurveSVG.text(curve, title: title).utf8), to: svg)
                StandardStreams.writeError("wrote \(svg.escapedForDisplay(limit: 1000))")
            } else {
                for line in LossCurveText.lines(curve, width: StandardStreams.outputColumns) {
                    StandardStreams.write(line)
                }
            }
        }
    }

    struct Export: ParsableCommand {
        enum Format: String, ExpressibleByArgument, CaseIterable {
            case perfetto
        }

        static let configuration = CommandConfiguration(
            abstract: "Write the trace for another tool.",
            discussion: "perfetto: Chrome's trace JSON, which ui.perfetto.dev opens; a process a worker.")

        @OptionGroup var target: RunArgument

        @Option(help: "perfetto.")
        var format: Format = .perfetto

        @Option(help: ArgumentHelp("Where to write it. Default: standard output.", valueName: "file"))
        var output: String?

        func run() throws {
            let directory = try target.directory
            let trace = try TraceReader().read(directory: directory.traces)
            let file = try output.map { path throws(CommandError) in try OutputFile(path) }
            let leftOut = try PerfettoExport(trace).write { bytes throws(CommandError) in
                if let file {
                    try file.append(bytes)
                } else {
                    StandardStreams.writeText(String(decoding: bytes, as: UTF8.self))
                }
            }
            if leftOut > 0 { StandardStreams.writeError("\(leftOut) spans found no place and were left out") }
        }
    }
}
