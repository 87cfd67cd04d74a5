import LockstepFormats
import LockstepTestSupport
import Synchronization
import Testing

/// What a job comes to where nothing happens to it: the one oracle of every fault.
struct Undisturbed: Sendable {
    let result: TrainingResult
    /// Number, epoch, loss and metrics of every step, to the last digit.
    let steps: [String]

    private static let known = Mutex<[String: Task<Undisturbed, any Error>]>([:])

    /// Runs the job with one worker, once for all tests.
    static func run(_ job: String) async throws -> Undisturbed {
        let task = known.withLock { known in
            if let task = known[job] { return task }
            let task = Task(executorPreference: OwnThreads.executables) { try await compute(job) }
            known[job] = task
            return task
        }
        return try await task.value
    }

    private static func compute(_ job: String) async throws -> Undisturbed {
        var found: Undisturbed?
        try await TestDirectory.with { directory in
            try directory.write(job, to: "job.yaml")
            let result = try await directory.train("job.yaml", "--workers", "1", "--run-directory", "run")
            found = Undisturbed(result: result, steps: try directory.reportedSteps())
        }
        guard let found else { throw Missing("the undisturbed run") }
        return found
    }
}

extension TestDirectory {
    /// What `metrics.jsonl` says of each step that does not depend on who computed it when.
    func reportedSteps(of run: String = "run") throws -> [String] {
        try jsonLines(of: run + "/metrics.jsonl").map { line in
            ["step", "epoch", "loss", "metrics", "learningRate"].map { line[$0]?.text ?? "none" }
                .joined(separator: " ")
        }
    }

    /// Expects that a run ended as if nothing had happened, and left no process behind.
    ///
    /// - Parameter outcome: of the launcher, or of the last coordinator.
    @discardableResult
    func expectSurvival(
        _ outcome: Outcome, of job: String, run: String = "run", _ note: String = "",
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> TrainingResult {
        let result = try TrainingResult(outcome)
        let differences = try await differences(of: result, from: Undisturbed.run(job), run: run)
        #expect(differences.isEmpty, "\(note) \(outcome)", sourceLocation: sourceLocation)
        let left = try await processesLeft(after: .promised(2))
        #expect(left.isEmpty, "\(note)", sourceLocation: sourceLocation)
        return result
    }

    /// In what a run differs from an undisturbed one: the state it came to, the steps it told of, each once and in order, the
    /// lanes it counted, the samples it used.
    func differences(of result: TrainingResult, from whole: Undisturbed, run: String = "run") async throws -> [String] {
        var found: [String] = []
        if result.digest != whole.result.digest { found.append("digest \(result.digest)") }
        if result.stateDigest != whole.result.stateDigest { found.append("state digest \(result.stateDigest)") }
        let steps = try reportedSteps(of: run)
        if steps.count != whole.steps.count { found.append("\(steps.count) steps were told") }
        if let (told, due) = zip(steps, whole.steps).first(where: { $0 != $1 }) {
            found.append("“\(told)” was told, “\(due)” was due")
        }
        func lanes(_ result: TrainingResult) -> Int { result.lanesComputed.reduce(0) { $0 + $1.count } }
        if lanes(result) != lanes(whole.result) { found.append("lanes computed: \(result.lanesComputed)") }
        let audit = try await self.run(["data", "audit", run])
        if audit.end != .exited(0) { found.append("\(audit)") }
        return found
    }

    /// What the coordinator said of each failure that the run survived.
    func incidents(of run: String = "run") throws -> [String] {
        try text(of: run + "/logs/coordinator.log").split(separator: "\n").map(String.init)
            .filter { $0.contains(" on from step ") && $0.contains(" after ") }
    }

    /// The answer of `lockstep status --json`.
    func status(of run: String = "run") async throws -> JSONValue {
        let outcome = try await self.run(["status", run, "--json"])
        guard let value = try outcome.events.first else { throw Missing("a status:\n\(outcome)") }
        return value
    }

    /// The number of the process that is a worker of that name now.
    func processIdentifier(of worker: String, run: String = "run") async throws -> Int32 {
        let status = try await status(of: run)
        let row = status["workers"]?.array?.first { $0["name"]?.string == worker }
        guard let number = row?["processIdentifier"]?.int else {
            throw Missing("the process of \(worker) in \(status.text)")
        }
        return Int32(number)
    }
}
