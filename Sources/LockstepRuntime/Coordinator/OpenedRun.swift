internal import LockstepCluster
internal import LockstepCore
internal import LockstepData
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
    /// The newest snapshot's; nil for a run from its beginning.
    let resumed: ResumedState?
    /// What earlier coordinators decided, as far as it still concerns anybody.
    let history: JournalHistory
    /// Steps up to this one are in `metrics.jsonl`.
    let reportedStep: UInt32
    /// Where the run is taken over: the lanes that workers computed for these steps.
    let earlierLanes: [(name: String, lanes: Int)]
    /// … and the generations that did them.
    let earlierGenerations: Int
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
        // Workers that lost only their coordinator may hold more than any snapshot.
        let takesOver =
            exists && settings.workersOutliveIt && journal.history.lastRoster != nil
            && journal.history.lastVerdict == nil
        resumed =
            exists
            ? try OpenedRun.newestState(of: store, settings: settings, takesOver: takesOver, logger: logger) : nil
        history = takesOver ? journal.history : journal.pastHistory
        incarnation = journal.history.greatestIncarnation + 1
        let start = Int(resumed?.step ?? 0)
        recorder = try RunRecorder(
            directory, after: takesOver ? job.stepCount : start, epoch: OpenedRun.epochSoFar(job, resumed))
        let lastStep = recorder.kept.lastStep
        reportedStep = UInt32(clamping: max(start, lastStep))
        if lastStep < start {
            let steps = lastStep + 1 == start ? "step \(start)" : "steps \(lastStep + 1) to \(start)"
            logger.warning("metrics.jsonl has lost the lines of \(steps); what they said cannot be had again")
        }
        earlierGenerations = takesOver ? recorder.kept.generations.count : 0
        earlierLanes = takesOver ? OpenedRun.lanes(of: recorder.kept, journal.history.rosters) : []
        self.journal = journal
    }

    private static func epochSoFar(_ job: ResolvedJob, _ resumed: ResumedState?) -> EpochSoFar {
        guard let resumed, let measures = job.measures(of: resumed.epochSums),
            job.order.progress(afterStep: Int(resumed.step)).samplesDone < job.order.count
        else { return EpochSoFar(job.order) }
        return EpochSoFar(
            job.order, agreedStep: Int(resumed.step), loss: measures.loss, metrics: measures.metrics.map(\.value))
    }

    /// The newest snapshot that verifies. Those passed over are named with the reason.
    private static func newestState(
        of store: SnapshotStore, settings: CoordinatorSettings, takesOver: Bool, logger: Logger
    ) throws(CommandError) -> ResumedState? {
        let state = try OpenedRun.newestState(of: store, job: settings.job.job, logger: logger)
        switch (state, takesOver) {
        case (let state?, false):
            settings.output.progress("resuming after step \(state.step), from \(state.path)\n")
        case (nil, false): logger.warning("no snapshot to resume from; the run begins again at step 1")
        case (let state?, true):
            logger.info("taking the run over from its workers, or resuming after step \(state.step) where none come")
        case (nil, true): logger.info("taking the run over from its workers, or beginning again where none come")
        }
        return state
    }

    /// The same at any time. Reads all of the snapshot.
    static func newestState(
        of store: SnapshotStore, job: ResolvedJob, logger: Logger
    ) throws(CommandError) -> ResumedState? {
        let found = try store.newestVerified(jobDigest: job.digest)
        for passed in found.passedOver {
            logger.warning("passed over the snapshot of step \(passed.step): \(passed.reason)")
        }
        return try found.snapshot.map { snapshot throws(CommandError) in
            try ResumedState(snapshot, job: job, path: store.run.snapshot(step: snapshot.manifest.step))
        }
    }

    private static func lanes(of kept: RunRecorder.Kept, _ rosters: [Roster]) -> [(name: String, lanes: Int)] {
        var counts: [(name: String, lanes: Int)] = []
        for generation in kept.generations {
            guard let roster = rosters.last(where: { $0.generation == generation.number }) else { continue }
            for member in roster.members {
                let lanes = generation.steps * member.lanes.count
                if let index = counts.firstIndex(where: { $0.name == member.name }) {
                    counts[index].lanes += lanes
                } else {
                    counts.append((member.name, lanes))
                }
            }
        }
        return counts
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
