internal import LockstepCluster
internal import LockstepCore
internal import LockstepEngine
internal import LockstepJobs
internal import LockstepWire

/// What the core of a coordinator and its workers are told at the start.
extension CoordinatorShell {
    static func configuration(
        _ settings: CoordinatorSettings, run: OpenedRun, traceContext: [ContextField]
    ) -> CoordinatorConfiguration {
        let job = settings.job.job
        let stateBytes = 4 * job.plan.layout.count * (1 + job.vectorNames.count)
        return CoordinatorConfiguration(
            workers: settings.workers, laneCount: job.laneTree.laneCount, purpose: settings.purpose,
            elementCount: job.plan.layout.count, exchange: settings.exchange, version: lockstepProgram,
            welcome: welcome(
                settings, runName: run.name, incarnation: run.incarnation, resumed: run.resumed,
                reportedStep: run.reportedStep, traceContext: traceContext),
            timing: timing(settings),
            start: run.resumed.map { CoordinatorConfiguration.StartPoint(step: $0.step, hash: $0.hash) },
            greatestGeneration: run.journal.history.greatestGeneration, resumedFrom: run.resumed?.path,
            snapshotEverySteps: UInt32(job.snapshotEverySteps), snapshotsBest: job.snapshots.best != nil,
            snapshotBacklog: max(1, min(16, backlogBytes / max(1, stateBytes))),
            auditEverySteps: UInt32(clamping: job.auditEverySteps),
            minWorkers: settings.endurance.minWorkers, maxFailures: settings.endurance.maxFailures,
            spares: settings.endurance.spares,
            history: run.history)
    }

    private static func timing(_ settings: CoordinatorSettings) -> CoordinatorConfiguration.Timing {
        #if LOCKSTEP_FAILPOINTS
        var timing = settings.timing
        if let deadline = Failpoints.current.deadline { timing.shorten(to: deadline) }
        return timing
        #else
        return settings.timing
        #endif
    }

    /// Bytes of states that may wait for the disk.
    private static let backlogBytes = 256 << 20

    static func welcome(
        _ settings: CoordinatorSettings, runName: String, incarnation: UInt32, resumed: ResumedState?,
        reportedStep: UInt32 = 0, traceContext: [ContextField]
    ) -> Welcome {
        Welcome(
            runIdentifier: runName, incarnation: incarnation, clusterName: settings.identity.name.cluster,
            job: settings.job.encodedSource, files: settings.job.files,
            state: resumed.map { state in
                StateOffer(
                    step: state.step, byteCount: state.vectors.reduce(0) { $0 + $1.count },
                    stateDigest: state.stateDigest)
            }, fewestLinks: settings.offeredLinks.lowerBound, mostLinks: settings.offeredLinks.upperBound,
            reportedStep: reportedStep, traceContext: traceContext)
    }
}
