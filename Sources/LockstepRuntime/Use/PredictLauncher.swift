package import LockstepCore
internal import LockstepData
internal import LockstepEngine
internal import LockstepFormats
internal import LockstepJobs
internal import LockstepSnapshots

/// `lockstep predict`: what a snapshot's model says about new inputs.
package struct PredictLauncher {
    /// What is predicted.
    package enum Request: Sendable {
        /// Outputs for the inputs of a PNG file or a directory of them, of an IDX, CSV, text or npy file.
        case inputs(path: String)
        /// How a text goes on.
        case continuation(of: String, TextSampling)
    }

    private let run: RunDirectory
    private let step: Int?
    private let request: Request
    private let output: String?
    private let threads: Int?

    /// - Parameters:
    ///   - step: of the snapshot; nil for the best one where the job keeps a best, else for the newest sound one.
    ///   - request: what is predicted.
    ///   - output: a file whose ending says what is written: `.json`, `.csv` or `.npy`; nil for JSON lines on standard
    ///     output.
    ///   - threads: nil for all cores.
    package init(run: RunDirectory, step: Int?, request: Request, output: String?, threads: Int?) {
        self.run = run
        self.step = step
        self.request = request
        self.output = output
        self.threads = threads
    }

    /// - Throws: `CommandError`.
    package func start() throws {
        try Launch.check(threads: threads)
        let kernels = try Launch.checkInstructionSet()
        switch request {
        case .inputs(let path):
            let format = try output.map { path throws(CommandError) in try PredictionFormat(path: path) }
            try predict(path, format, try opened(), kernels)
        case .continuation(let prompt, let sampling):
            try sampling.validate()
            try continueText(prompt, sampling, try opened(), kernels)
        }
    }

    private func opened() throws -> UsedRun {
        let used = try UsedRun(run, step: step)
        for line in used.passedOver { StandardStreams.writeError("lockstep: \(line)") }
        return used
    }

    private func continueText(
        _ prompt: String, _ sampling: TextSampling, _ used: UsedRun, _ kernels: Kernels
    ) throws {
        let runner = try ModelRunner(
            used.model, state: used.state, kernels: kernels, threads: threads ?? Machine.cores)
        let continuation = try TextContinuation(used.model, runner: runner, kernels: kernels)
        let text = Array(prompt.utf8) + (try continuation.bytes(after: Array(prompt.utf8), sampling))
        guard let output else {
            StandardStreams.write(TextContinuation.shown(text))
            return
        }
        try OutputFile.write(text, to: output)
    }

    private func predict(
        _ input: String, _ format: PredictionFormat?, _ used: UsedRun, _ kernels: Kernels
    ) throws {
        let path: DataPath = RegularFile.isDirectory(input) ? .directory(input) : .file(input)
        let data = try PredictionInputs(
            try RegularFile.read(path, at: input), preprocessing: used.model.preprocessing)
        try used.model.checkTokens(of: data)
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
