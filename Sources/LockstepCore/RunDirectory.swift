/// The paths inside a run directory (`docs/architecture.md`, "The run directory"). Names only, no I/O.
public struct RunDirectory: Sendable, Hashable {
    public let path: String

    public init(path: String) { self.path = path }

    public var run: String { path + "/run.json" }
    public var metrics: String { path + "/metrics.jsonl" }
    public var snapshots: String { path + "/snapshots" }
    public var logs: String { path + "/logs" }
    public var traces: String { path + "/traces" }
    /// The coordinator's decisions, append-only.
    public var journal: String { path + "/journal" }
    /// Locked by the one process that may write into this directory.
    public var lock: String { path + "/lock" }
    /// The coordinator's socket for `status`, `drain` and the like.
    public var controlSocket: String { path + "/control.sock" }

    public func log(of process: String) -> String { "\(logs)/\(process).log" }

    public func trace(of process: String) -> String { "\(traces)/\(process).otlp.jsonl" }

    /// `snapshots/step-00000200` holds S(200).
    public func snapshot(step: Int) -> String { snapshots + "/" + RunDirectory.snapshotName(step: step) }

    /// The last component of `snapshot(step:)`.
    public static func snapshotName(step: Int) -> String {
        let digits = String(step)
        return "step-" + String(repeating: "0", count: max(0, 8 - digits.count)) + digits
    }

    /// The step of a directory's name; nil where `snapshotName` never gives that name.
    public static func step(ofSnapshotName name: String) -> Int? {
        guard name.hasPrefix("step-"), let step = Int(name.dropFirst(5)), step >= 0, snapshotName(step: step) == name
        else { return nil }
        return step
    }
}
