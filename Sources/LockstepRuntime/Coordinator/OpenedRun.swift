internal import LockstepCluster
internal import LockstepCore
internal import LockstepFormats
internal import LockstepJobs
internal import LockstepSnapshots
internal import Logging

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// The run directory of a coordinator, its own until it ends: locked, with the journal and what the run resumes from.
struct OpenedRun: Sendable {
    let directory: RunDirectory
    /// What the run is called in log, trace and messages: that of its first start.
    let name: String
    let recorder: RunRecorder
    let journal: RunJournal
    let store: SnapshotStore
    /// nil for a run from its beginning.
    let resumed: ResumedState?
    /// One more than that of the last coordinator of this run.
    let incarnation: UInt32
    private let lock: RunLock

    /// Places the run directory, or opens it again for the same job.
    ///
    /// - Throws: `CommandError`: the directory is another job's, is in use, or its run is finished (exit code 0).
    init(_ settings: CoordinatorSettings, logger: Logger) throws(CommandError) {
        let job = settings.job.job
        let (directory, exists) = try settings.placement.place(jobName: job.name)
        let lock = try RunLock(directory)
        self.directory = directory
        self.lock = lock
        store = SnapshotStore(run: directory)
        if exists {
            name = try OpenedRun.check(directory, jobDigest: job.digest)
        } else {
            name = "\(job.name)-\(ProcessClock.directoryName())"
            let description = RunReport.description(of: settings.job, run: name, workers: settings.workers)
            try OpenedRun.write(description.indentedText, to: directory.run)
        }
        let journal = try RunJournal(directory)
        if journal.history.isFinal {
            throw CommandError(
                .success,
                "\(directory.path.escapedForDisplay()): the run is finished; its last snapshot is \((try? store.list())?.last?.path.escapedForDisplay() ?? "gone")"
            )
        }
        for line in try store.removeLeftovers() { logger.warning("\(line)") }
        resumed = exists ? try OpenedRun.newestState(of: store, settings: settings, logger: logger) : nil
        incarnation = journal.history.greatestIncarnation + 1
        recorder = try RunRecorder(directory, lastStep: Int(resumed?.step ?? 0))
        self.journal = journal
    }

    /// The newest snapshot that verifies. Those passed over are named with the reason.
    private static func newestState(
        of store: SnapshotStore, settings: CoordinatorSettings, logger: Logger
    ) throws(CommandError) -> ResumedState? {
        let found = try store.newestVerified(jobDigest: settings.job.job.digest)
        for passed in found.passedOver {
            logger.warning("passed over the snapshot of step \(passed.step): \(passed.reason)")
        }
        guard let snapshot = found.snapshot else {
            logger.warning("no snapshot to resume from; the run begins again at step 1")
            return nil
        }
        let step = snapshot.manifest.step
        settings.output.progress("resuming after step \(step), from \(store.run.snapshot(step: step))\n")
        return try ResumedState(snapshot, job: settings.job.job, path: store.run.snapshot(step: step))
    }

    /// - Returns: the run's name.
    private static func check(_ directory: RunDirectory, jobDigest: Digest) throws(CommandError) -> String {
        let description = try RunDescription(directory)
        guard description.jobDigest == jobDigest.description else {
            throw .usage(
                "\(directory.path.escapedForDisplay()): it holds a run of another job (digest \(description.jobDigest.prefix(16))…, this job's is \(jobDigest.description.prefix(16))…); resume with the job as it was, or start a new run"
            )
        }
        return description.run
    }

    /// Writes a file that is there whole or not at all: its name is what makes the directory a run's.
    private static func write(_ text: String, to path: String) throws(CommandError) {
        let unfinished = path + RunPlacement.unfinishedSuffix
        let descriptor = open(unfinished, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw RunPlacement.cannotWrite(path) }
        defer { close(descriptor) }
        guard writeAll(text, to: descriptor), fsync(descriptor) == 0, rename(unfinished, path) == 0 else {
            throw RunPlacement.cannotWrite(path)
        }
    }
}
