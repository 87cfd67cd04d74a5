package import LockstepCore
internal import LockstepFormats

/// `lockstep status`: asks the coordinator of a run, and where none answers reads what the run left behind.
package struct StatusLauncher {
    private let run: RunDirectory
    private let watches: Bool
    private let json: Bool

    /// - Parameters:
    ///   - watches: again every second until the run ends.
    package init(run: RunDirectory, watches: Bool, json: Bool) {
        self.run = run
        self.watches = watches
        self.json = json
    }

    /// - Throws: `CommandError`.
    package func run() async throws {
        var isFirst = true
        while true {
            let (report, isLive) = try StatusLauncher.report(of: run)
            if !isFirst, !json { StandardStreams.write("") }
            StandardStreams.write(json ? report.value.text : report.text)
            guard watches, isLive else { return }
            isFirst = false
            try await Task.sleep(for: .seconds(1))
        }
    }

    private static func report(of directory: RunDirectory) throws(CommandError) -> (StatusReport, isLive: Bool) {
        switch ControlClient.ask(#"{"command":"status"}"#, of: directory) {
        case .line(let answer):
            guard let value = try? JSONValue(parsing: Array(answer.utf8)) else {
                throw .failed("the coordinator's answer is no JSON; use the version that runs")
            }
            return (StatusReport(value), true)
        case .silence:
            throw CommandError(.temporary, "the coordinator does not answer; it is stopped or very busy, try again")
        case .nobody:
            return (StatusReport(try FinishedRun(directory).status), false)
        }
    }
}
