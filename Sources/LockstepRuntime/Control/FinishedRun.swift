internal import LockstepCluster
internal import LockstepCore
internal import LockstepData
internal import LockstepFormats

/// What a run without a coordinator left behind, as `lockstep status` shows it.
struct FinishedRun {
    private let directory: RunDirectory
    private let description: RunDescription
    private let history: JournalHistory

    init(_ directory: RunDirectory) throws(CommandError) {
        self.directory = directory
        description = try RunDescription(directory)
        history = try RunJournal.history(of: directory)
    }

    var status: JSONValue {
        var object = JSONObject([
            ("event", "status"), ("run", .string(description.run)), ("job", .string(description.jobName)),
            ("state", .string(state)),
        ])
        for key in ["steps", "epochs"] { object[key] = description.value[key] }
        if let last = lastMetrics {
            for key in ["step", "epoch", "loss", "metrics", "samplesPerSecond"] { object[key] = last[key] }
        }
        object["workers"] = .array([])
        object["snapshot"] = history.snapshots.last.map { ["step": .number($0.step)] } ?? .null
        object["problem"] = history.lastVerdict.map { .string($0.message) } ?? .null
        object["generation"] = .number(history.greatestGeneration)
        object["incarnation"] = .number(history.greatestIncarnation)
        object["runDirectory"] = .string(directory.path)
        return .object(object)
    }

    /// Whether its last coordinator ended it, well or not.
    var isOver: Bool { history.isFinal || history.lastVerdict != nil }

    private var state: String {
        if history.isFinal { return "finished" }
        if let verdict = history.lastVerdict { return verdict.exitCode == .temporary ? "stopped" : "failed" }
        return "not running; go on with it by --resume"
    }

    private var lastMetrics: JSONValue? {
        guard let bytes = try? RegularFile.read(directory.metrics, shownAs: directory.metrics) else { return nil }
        let lines = bytes.split(separator: UInt8(ascii: "\n"))
        return lines.last.flatMap { try? JSONValue(parsing: $0) }
    }
}
