internal import LockstepCluster
internal import LockstepCore
internal import LockstepData
internal import LockstepEngine
internal import LockstepFormats
internal import LockstepJobs
internal import LockstepModels
internal import LockstepSnapshots

#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

/// Turns the collected vectors of S(N) into a snapshot on disk, after they have proved to be the agreed state.
struct StateWriter: Sendable {
    /// What came of it.
    enum Outcome: Sendable {
        case written(WrittenSnapshot, pruned: PruneReport?)
        /// The collected state is not the agreed one.
        case invalid(reason: String)
    }

    let job: ResolvedJob
    let run: String
    let store: SnapshotStore

    /// Checks the state, writes `snapshots/step-N`, and removes what is not to be kept.
    ///
    /// - Throws: `CommandError` where it cannot be written.
    func write(_ collector: StateCollector, hash: StateHash, isBest: Bool) throws -> Outcome {
        guard let numbers = StateNumbers(collector.numbers, job: job) else {
            return .invalid(reason: "its numbers are not those of the job")
        }
        let state = try FlatState(plan: job.plan, seed: job.seed, keepsBest: job.keepsBest)
        let targets = [state.parameters] + state.vectors
        guard targets.count == collector.vectors.count else { return .invalid(reason: "it lacks vectors") }
        for (target, vector) in zip(targets, collector.vectors) {
            target.update(from: vector.pointer, count: vector.count)
        }
        guard state.hash(Kernels.best()) == hash else { return .invalid(reason: "its hash is not \(hash)") }
        let contents = contents(state, step: Int(collector.step), hash: hash, numbers: numbers, isBest: isBest)
        let manifest: SnapshotManifest
        do {
            manifest = try store.write(contents)
        } catch {
            // A full disk has room again once an old snapshot that would go anyway has gone first.
            let report = try? store.prune(Retention(keep: max(1, job.snapshots.keep - 1)))
            guard let report, !report.removed.isEmpty else { throw error }
            manifest = try store.write(contents)
        }
        let written = WrittenSnapshot(
            step: manifest.step, path: store.run.snapshot(step: manifest.step), isBest: isBest,
            digest: manifest.digest, stateDigest: manifest.stateDigest)
        return .written(written, pruned: try? store.prune(Retention(keep: job.snapshots.keep)))
    }

    private func contents(
        _ state: FlatState, step: Int, hash: StateHash, numbers: StateNumbers, isBest: Bool
    ) -> SnapshotContents {
        let progress = job.order.progress(afterStep: step)
        let best: BestMark? =
            if isBest, let metric = job.snapshots.best,
                let value = WatchState(numbers: numbers.watch)?.bestSnapshotValue
            {
                BestMark(metric: metric, value: value)
            } else {
                nil
            }
        return SnapshotContents(
            state: StateSnapshot(
                state, step: step, epoch: progress.epoch, samplesDone: progress.samplesDone,
                watch: job.watch == nil ? nil : numbers.watch),
            origin: SnapshotOrigin(
                version: lockstepVersion, arithmetic: Plan.arithmeticVersion, run: run, job: job.name,
                jobDigest: job.digest, planDigest: job.plan.digest, seed: job.seed),
            stateHash: hash, best: best, preprocessing: preprocessing, epochSums: numbers.epochSums,
            epochSampleSum: numbers.epochSampleSum)
    }

    private var preprocessing: JSONValue? {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(job.preprocessing) else { return nil }
        return try? JSONValue(parsing: Array(data))
    }
}
