import LockstepFormats

/// The last event of a run that ended well.
struct TrainingResult: Sendable, Equatable {
    let digest: String
    let stateDigest: String
    let steps: Int
    /// By worker, in the order of the event.
    let lanesComputed: [(worker: String, count: Int)]
    let gradientBytesSent: [(worker: String, count: Int)]
    let runDirectory: String
    let keys: [String]
    /// Losses and metrics of every step, of the last epoch and of the evaluation, to the last digit.
    let measurements: [String]

    /// - Throws: where the process did not end well, with what it said.
    init(_ outcome: Outcome) throws {
        guard outcome.end == .exited(0) else { throw Missing("exit code 0 was expected:\n\(outcome)") }
        guard let event = try outcome.events.last?.object, event["event"]?.string == "finished",
            let digest = event["digest"]?.string, let stateDigest = event["stateDigest"]?.string,
            let steps = event["steps"]?.int, let runDirectory = event["runDirectory"]?.string
        else { throw Missing("the last line is no whole `finished` event:\n\(outcome)") }
        self.digest = digest
        self.stateDigest = stateDigest
        self.steps = steps
        self.runDirectory = runDirectory
        lanesComputed = TrainingResult.counts(event["lanesComputed"])
        gradientBytesSent = TrainingResult.counts(event["gradientBytesSent"])
        keys = event.members.map(\.key)
        measurements = try outcome.events.map { event in
            ["loss", "metrics", "evaluation"].map { event[$0]?.text ?? "" }.joined(separator: " ")
        }
    }

    private static func counts(_ value: JSONValue?) -> [(worker: String, count: Int)] {
        (value?.object?.members ?? []).map { ($0.key, $0.value.int ?? -1) }
    }

    /// Whether both are the same state, whoever computed it.
    static func == (one: TrainingResult, other: TrainingResult) -> Bool {
        one.digest == other.digest && one.stateDigest == other.stateDigest && one.steps == other.steps
    }
}

extension TestDirectory {
    /// `lockstep train --json` to its end.
    func train(_ job: String, _ options: String..., environment: [String: String] = [:]) async throws -> TrainingResult
    {
        try TrainingResult(try await run(["train", job, "--json"] + options, environment: environment))
    }
}
