import LockstepCore
import LockstepSnapshots
import Testing

@Suite struct RetentionTests {
    private func store(_ contents: [SnapshotContents]) throws -> (SnapshotStore, SimulatedFiles) {
        let files = try SmallState.files()
        let store = SmallState.store(files)
        for contents in contents { try store.write(contents) }
        return (store, files)
    }

    private func steps(_ store: SnapshotStore) throws -> [Int] { try store.list().map(\.step) }

    @Test func theNewestStayAndThePinnedAndTheBest() throws {
        let marks: [Double?] = [nil, 0.9, nil, 0.5, nil, nil, nil]
        let (store, _) = try store((1...7).map { SmallState.contents(step: $0, best: marks[$0 - 1]) })
        #expect(try store.best() == 4)
        let report = try store.prune(Retention(keep: 2, pinned: [1, 99]))
        #expect(report == PruneReport(removed: [2, 3, 5]))
        #expect(try steps(store) == [1, 4, 6, 7])
        #expect(try store.prune(Retention(keep: 2, pinned: [1])) == PruneReport())
    }

    @Test func oneAlwaysStays() throws {
        let (store, _) = try store([1, 2].map { SmallState.contents(step: $0) })
        #expect(try store.prune(Retention(keep: 0)).removed == [1])
        #expect(try store.prune(Retention(keep: 0)).removed == [])
        #expect(try steps(store) == [2])
    }

    /// States that are not finite must not push the sound ones out.
    @Test func unhealthyOnesDoNotCount() throws {
        let (store, _) = try store(
            [SmallState.contents(step: 1), SmallState.contents(step: 2)]
                + (3...6).map { SmallState.contents(step: $0, value: $0 == 4 ? .infinity : .nan) })
        #expect(try store.prune(Retention(keep: 1)).removed == [1])
        #expect(try steps(store) == [2, 3, 4, 5, 6])
        try store.write(SmallState.contents(step: 7))
        #expect(try store.prune(Retention(keep: 1)).removed == [2, 3, 4, 5, 6])
    }

    @Test func damagedOnesDoNotCount() throws {
        let (store, files) = try store((1...4).map { SmallState.contents(step: $0) })
        files.change("/run/snapshots/step-00000004/parameters.safetensors") { $0 + [0] }
        files.change("/run/snapshots/step-00000003/manifest.json") { _ in nil }
        let report = try store.prune(Retention(keep: 1))
        #expect(report == PruneReport(removed: [1], damaged: [3, 4]))
        #expect(try steps(store) == [2, 3, 4])
        #expect(try store.verify(step: 2) == [])

        files.change("/run/snapshots/step-00000002/parameters.safetensors") { _ in nil }
        #expect(try store.prune(Retention(keep: 1)) == PruneReport(damaged: [2, 3, 4]))
        #expect(try steps(store) == [2, 3, 4])
    }
}
