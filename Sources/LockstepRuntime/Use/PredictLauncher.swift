package import LockstepCore
internal import LockstepData
internal import LockstepFormats
internal import LockstepJobs
internal import LockstepSnapshots

/// `lockstep predict`: what a snapshot's model says about new inputs.
package struct PredictLauncher {
    private let run: RunDirectory
    private let step: Int?
    private let input: String
    private let output: String?
    private let threads: Int?

    /// - Parameters:
    ///   - step: of the snapshot; nil for the best one where the job keeps a best, else for the newest sound one.
    ///   - input: a PNG file or a directory of them, an IDX, CSV or npy file.
    ///   - output: a file whose ending says what is written: `.json`, `.csv` or `.npy`; nil for JSON lines on standard
    ///     output.
    ///   - threads: nil for all cores.
    package init(run: RunDirectory, step: Int?, input: String, output: String?, threads: Int?) {
        self.run = run
        self.step = step
        self.input = input
        self.output = output
        self.threads = threads
    }

    /// - Throws: `CommandError`.
    package func start() throws {
        try Launch.check(threads: threads)
        let kernels = try Launch.checkInstructionSet()
        let format = try output.map { path throws(CommandError) in try PredictionFormat(path: path) }
        let used = try UsedRun(run, step: step)
        for line in used.passedOver { StandardStreams.writeError("lockstep: \(line)") }
        let path: DataPath = RegularFile.isDirectory(input) ? .directory(input) : .file(input)
        let data = try PredictionInputs(
            try RegularFile.read(path, at: input), preprocessing: used.model.preprocessing)
        let runner = try ModelRunner(
            used.model, state: used.state, kernels: kernels, threads: threads ?? Machine.cores)
        let predictions = Predictions(
            names: (0..<data.count).map { data.name(of: $0) }, outputs: runner.predict(data), of: used.model)
        guard let output, let format else {
            for index in 0..<predictions.count { StandardStreams.write(predictions.value(index).text) }
            return
        }
        try OutputFile.write(try predictions.encoded(as: format), to: output)
        StandardStreams.write(
            "\(NumberText.grouped(predictions.count)) predictions of the snapshot of step \(used.manifest.step): \(output.escapedForDisplay(limit: 1000))"
        )
    }
}
