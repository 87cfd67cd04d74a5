internal import LockstepCore
internal import LockstepFormats

/// What `lockstep status` says: as JSON between coordinator and command, as text for people.
struct StatusReport: Sendable {
    /// One line of JSON, `{"event":"status",…}`.
    let value: JSONValue

    init(_ value: JSONValue) { self.value = value }

    /// Text for people. What came from workers is escaped.
    var text: String {
        var lines = [heading, pause, progress, numbers, exchange, audit, snapshot, problem].compactMap { $0 }
        lines += incidents + quarantine
        let workers = value["workers"]?.array ?? []
        if !workers.isEmpty { lines += table(workers) }
        return lines.joined(separator: "\n")
    }

    private var heading: String {
        let run = (value["run"]?.string ?? "").escapedForDisplay(limit: 200)
        var state = (value["state"]?.string ?? "unknown").escapedForDisplay(limit: 200)
        // How long it has been running is what people ask; of all else, since when it is so.
        let seconds = value[state == "running" ? "seconds" : "stateSeconds"]?.double
        if let seconds { state += " for \(NumberText.duration(seconds))" }
        return "run       \(run): \(state)"
    }

    private var progress: String? {
        guard let step = value["step"]?.int, let steps = value["steps"]?.int else { return nil }
        var line = "step      \(NumberText.grouped(step)) of \(NumberText.grouped(steps))"
        if let epoch = value["epoch"]?.int, let epochs = value["epochs"]?.int {
            line += ", epoch \(epoch) of \(epochs)"
        }
        return line
    }

    private var numbers: String? {
        guard let loss = value["loss"]?.double else { return nil }
        var parts = ["loss \(NumberText.fixed(loss, 4))"]
        for member in value["metrics"]?.object?.members ?? [] {
            guard let number = member.value.double else { continue }
            parts.append("\(member.key.escapedForDisplay(limit: 40)) \(NumberText.fixed(number, 4))")
        }
        if let rate = value["samplesPerSecond"]?.double { parts.append("\(NumberText.grouped(rate)) samples/s") }
        return "last step " + parts.joined(separator: "  ")
    }

    private var exchange: String? {
        guard let object = value["exchange"], let buckets = object["buckets"]?.int, let links = object["links"]?.int
        else { return nil }
        return "gradients \(buckets) \(buckets == 1 ? "bucket" : "buckets"), \(links) \(links == 1 ? "link" : "links") "
            + "a pair, \(object["awake"]?.bool == true ? "awake" : "asleep") while they wait"
    }

    private var audit: String? {
        guard let interval = value["auditEverySteps"]?.int, interval > 0 else { return nil }
        let count = value["lanesAudited"]?.int ?? 0
        return "audited   \(NumberText.grouped(count)) \(count == 1 ? "lane" : "lanes") computed twice, alike; one "
            + (interval == 1 ? "every step" : "every \(NumberText.grouped(interval)) steps")
    }

    private var snapshot: String? {
        guard let object = value["snapshot"], object.object != nil else { return nil }
        return "snapshot  step \(NumberText.grouped(object["step"]?.int ?? 0))"
            + (object["best"]?.bool == true ? " (the best)" : "")
    }

    private var problem: String? {
        value["problem"]?.string.map { "problem   \($0.escapedForDisplay(limit: 1000))" }
    }

    private var pause: String? {
        value["pause"]?.string.map { "paused    \($0.escapedForDisplay(limit: 1000))" }
    }

    /// The last incidents, and how many there were in all.
    private var incidents: [String] {
        let last = value["incidents"]?.array ?? []
        guard !last.isEmpty else { return [] }
        let count = max(last.count, value["incidentCount"]?.int ?? 0)
        return ["incidents \(NumberText.grouped(count))"]
            + last.suffix(StatusReport.shownIncidents).map { incident in
                let ago = incident["secondsAgo"]?.double.map { "\(NumberText.duration($0)) ago" } ?? ""
                return "   \(ago)  \((incident["message"]?.string ?? "").escapedForDisplay(limit: 1000))"
            }
    }

    private static let shownIncidents = 3

    /// Who is not started any more, and why.
    private var quarantine: [String] {
        (value["quarantined"]?.array ?? []).map { worker in
            let name = (worker["name"]?.string ?? "").escapedForDisplay(limit: 40)
            return "left out  \(name): \((worker["reason"]?.string ?? "").escapedForDisplay(limit: 1000))"
        }
    }

    private func table(_ workers: [JSONValue]) -> [String] {
        var rows = [["worker", "lanes", "stage", "step", "last heard", "waits for"]]
        let hasBegun = workers.contains { $0["lanes"]?.array != nil }
        for worker in workers {
            rows.append(row(worker, hasBegun: hasBegun))
        }
        return TextTable.lines(rows, leading: 3)
    }

    private func row(_ worker: JSONValue, hasBegun: Bool) -> [String] {
        let lanes = worker["lanes"]?.array?.compactMap(\.int) ?? []
        // Who stands still waits for nobody; what it said of its last turn is old.
        let isIdle = worker["stage"]?.string == "idle"
        let waiting = isIdle ? [] : worker["waitingFor"]?.array?.compactMap(\.string) ?? []
        let role = worker["role"]?.string ?? "member"
        let step = worker["step"]?.int.map { NumberText.grouped($0) }
        var silence = worker["silentSeconds"]?.double.map { "\(NumberText.fixed($0, 1)) s ago" } ?? "-"
        if worker["isSuspected"]?.bool == true { silence += ", suspected" }
        if worker["isLeaving"]?.bool == true { silence += ", leaving" }
        if let source = worker["source"]?.string { silence += ", fed by \(source.escapedForDisplay(limit: 40))" }
        // Where nobody works yet all are waiting.
        let idle = ["observer", "spare"].contains(role) || role == "waiting" && hasBegun ? role : "-"
        return [
            (worker["name"]?.string ?? "").escapedForDisplay(limit: 40),
            lanes.count == 2 ? "\(lanes[0])–\(lanes[1] - 1)" : idle,
            (worker["stage"]?.string ?? "-").escapedForDisplay(limit: 20), step ?? "-", silence,
            waiting.map { $0.escapedForDisplay(limit: 40) }.joined(separator: ", "),
        ]
    }
}
