package import LockstepCore
internal import LockstepFormats

/// `lockstep drain`: asks a run's coordinator to let a worker go, and waits until it has gone.
package struct DrainLauncher {
    private let run: RunDirectory
    private let worker: String
    private let wait: String
    private let json: Bool

    private static let pause = Duration.milliseconds(50)

    /// - Parameter wait: a number of seconds, minutes or hours: `30s`, `10m`, `1h`.
    package init(run: RunDirectory, worker: String, wait: String, json: Bool) {
        self.run = run
        self.worker = worker
        self.wait = wait
        self.json = json
    }

    /// - Throws: `CommandError`: there is no such worker, it is the last one, or it has not left in time.
    package func run() async throws {
        let limit = Duration.seconds(try DurationText.seconds(wait, option: "--wait"))
        let begin = ContinuousClock.now
        let request: JSONValue = ["command": "drain", "worker": .string(worker)]
        guard let value = try ask(request.text), let answer = DrainAnswer(value) else {
            let isOver = (try? FinishedRun(run).isOver) ?? false
            throw CommandError.usage(
                "\(run.path.escapedForDisplay(limit: 1000)): \(isOver ? "the run is over" : "no coordinator works there"), so there is no worker to drain"
            )
        }
        let name = worker.escapedForDisplay()
        switch answer.kind {
        case .asked: break
        case .unknown:
            let names = answer.workers.map { $0.escapedForDisplay(limit: 60) }.joined(separator: ", ")
            throw CommandError.usage(
                "--worker \(name): no such worker; there \(names.isEmpty ? "are none" : "are \(names)")")
        case .last:
            throw CommandError.failed(
                "worker \(name) is the last one, and nobody else holds the state; "
                    + "let another join first, or stop the run by SIGTERM to its coordinator")
        }
        while let workers = try workers() {
            guard workers.contains(where: { isDrained($0, answer) }) else {
                return show(workers.count, seconds: begin.duration(to: .now) / .seconds(1))
            }
            guard begin.duration(to: .now) < limit else {
                throw CommandError(
                    .temporary,
                    "worker \(name) was asked to leave and is still there after \(wait); `lockstep status` shows where it is"
                )
            }
            try await Task.sleep(for: DrainLauncher.pause)
        }
        guard try FinishedRun(run).isOver else {
            throw CommandError(
                .temporary,
                "the coordinator has gone, and did not say that worker \(name) has left; start it again, then ask again"
            )
        }
        // All workers have left.
        show(0, seconds: begin.duration(to: .now) / .seconds(1))
    }

    /// Whether this entry of a status is the process that was asked.
    private func isDrained(_ entry: JSONValue, _ answer: DrainAnswer) -> Bool {
        entry["name"]?.string == worker && entry["processIdentifier"]?.int == Int(answer.processIdentifier)
    }

    /// The workers that are connected; nil where the run is over.
    private func workers() throws(CommandError) -> [JSONValue]? {
        guard let status = try ask(#"{"command":"status"}"#) else { return nil }
        return status["workers"]?.array ?? []
    }

    /// - Returns: nil where nobody is there.
    private func ask(_ request: String) throws(CommandError) -> JSONValue? {
        switch ControlClient.ask(request, of: run) {
        case .line(let line):
            guard let value = try? JSONValue(parsing: Array(line.utf8)) else {
                throw .failed("the coordinator's answer is no JSON; use the version that runs")
            }
            return value
        case .silence:
            throw CommandError(.temporary, "the coordinator does not answer; it is stopped or very busy, try again")
        case .nobody: return nil
        }
    }

    private func show(_ left: Int, seconds: Double) {
        let value: JSONValue = [
            "event": "drained", "worker": .string(worker), "seconds": .number(seconds), "workers": .number(left),
        ]
        StandardStreams.write(
            json
                ? value.text
                : "worker \(worker.escapedForDisplay()) has left; \(left) \(left == 1 ? "is" : "are") there still")
    }
}
