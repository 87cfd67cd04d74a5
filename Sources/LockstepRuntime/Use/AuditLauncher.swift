package import LockstepCore
internal import LockstepData
internal import LockstepFormats

/// `lockstep data audit`: whether every sample of a run counted exactly once.
package struct AuditLauncher {
    private let directory: RunDirectory
    private let json: Bool

    package init(run: RunDirectory, json: Bool) {
        directory = run
        self.json = json
    }

    /// - Throws: `CommandError`; `verification` where something is not proved.
    package func run() throws(CommandError) {
        let audit = try RunAudit(directory)
        let report = AuditReport(run: audit.run, runDirectory: directory.path, result: audit.result)
        for line in json ? [report.value.text] : report.lines { StandardStreams.write(line) }
        guard audit.result.isExact else { throw CommandError(.verification, report.verdict) }
    }
}
