/// The paths inside a run directory (`docs/architecture.md`, "The run directory"). Names only, no I/O.
public struct RunDirectory: Sendable, Hashable {
    public let path: String

    public init(path: String) { self.path = path }

    public var run: String { path + "/run.json" }
    public var metrics: String { path + "/metrics.jsonl" }
    public var snapshots: String { path + "/snapshots" }
    public var logs: String { path + "/logs" }

    public func log(of process: String) -> String { "\(logs)/\(process).log" }

    /// `snapshots/step-00000200` holds S(200).
    public func snapshot(step: Int) -> String {
        let digits = String(step)
        return snapshots + "/step-" + String(repeating: "0", count: max(0, 8 - digits.count)) + digits
    }
}
