package import LockstepCore

extension SnapshotStore {
    /// Removes snapshots that `retention` does not keep, oldest first. The newest that verifies and is finite, the best,
    /// and damaged ones always stay. A snapshot that cannot be removed is reported; the others go on being removed.
    ///
    /// - Throws: `failed` where the snapshots cannot be read; nothing is removed then.
    package func prune(_ retention: Retention) throws(CommandError) -> PruneReport {
        var report = PruneReport()
        var sound: [Int] = []
        var others: [Int] = []
        var best: Int?
        for listing in try list() {
            switch listing.manifest {
            case .failure: report.damaged.append(listing.step)
            case .success(let manifest):
                if manifest.isFinite { sound.append(listing.step) } else { others.append(listing.step) }
                if manifest.best != nil { best = listing.step }
            }
        }
        func kept(_ sound: [Int]) -> Set<Int> {
            Set(sound.suffix(max(1, retention.keep)) + retention.pinned + (best.map { [$0] } ?? []))
        }
        guard !kept(sound).isSuperset(of: sound + others) else { return report }
        // Manifests alone prove nothing about the files: one that verifies must be left, and all that is newer.
        while let newest = sound.last, try !verify(step: newest).isEmpty {
            report.damaged.append(newest)
            sound.removeLast()
        }
        report.damaged.sort()
        guard let newest = sound.last else { return report }
        let stay = kept(sound)
        for step in (sound + others).sorted() where step < newest && !stay.contains(step) {
            do {
                try remove(step)
                report.removed.append(step)
            } catch {
                report.failures.append("the snapshot of step \(step) could not be removed: \(error)")
            }
        }
        return report
    }

    /// First the name goes, and durably: what happens then leaves no half of a snapshot in its place.
    private func remove(_ step: Int) throws(FileFault) {
        let aside = temporaryPath(in: run.snapshots, for: RunDirectory.snapshotName(step: step))
        try files.rename(run.snapshot(step: step), to: aside)
        try files.synchronizeDirectory(run.snapshots)
        try files.removeTree(aside, first: SnapshotManifest.name)
    }
}
