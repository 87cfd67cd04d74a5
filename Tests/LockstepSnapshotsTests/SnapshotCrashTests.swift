import Glibc
import LockstepCore
import LockstepSnapshots
import Testing

/// Crashes between any two calls to the file system, with every opinion of what a loss of power leaves.
@Suite struct SnapshotCrashTests {
    /// What the life of a run directory has promised so far.
    private final class Promises {
        /// Steps that `write` returned for.
        var durable: Set<Int> = []
        /// Steps that may be gone or not.
        var undecided: Set<Int> = []
        /// Steps that were damaged on purpose.
        var damaged: Set<Int> = []

        /// What they are, to tell situations apart.
        var text: String { [durable, undecided, damaged].map { "\($0.sorted())" }.joined() }
    }

    private static func contents(_ step: Int) -> SnapshotContents {
        SmallState.contents(step: step, best: step == 2 ? 0.5 : nil, elements: TestAmount.isLong ? 3000 : 140)
    }

    /// A first save, an overwrite, a repair, retention, a fallback, in a row.
    private static func live(_ files: SimulatedFiles, _ promises: Promises) throws {
        let store = SmallState.store(files)
        func write(_ contents: SnapshotContents) throws {
            let step = contents.state.position.step
            if !promises.durable.contains(step) { promises.undecided.insert(step) }
            try store.write(contents)
            promises.durable.insert(step)
            promises.undecided.remove(step)
            promises.damaged.remove(step)
        }
        try store.removeLeftovers()
        try write(contents(1))
        var unmarked = contents(2)
        unmarked.best = nil
        try write(unmarked)
        try write(contents(2))
        try write(contents(3))
        files.change("/run/snapshots/step-00000003/optimizer.safetensors") { $0.dropLast() }
        promises.damaged.insert(3)
        promises.durable.remove(3)
        _ = try store.newestVerified()
        try write(contents(3))
        promises.durable.remove(1)
        promises.undecided.insert(1)
        if try store.prune(Retention(keep: 1)).failures.isEmpty { promises.undecided.remove(1) }
        try write(contents(4))
    }

    /// What is wrong with what a crash left.
    private static func violations(_ files: SimulatedFiles, _ promises: Promises) throws -> [String] {
        let store = SmallState.store(files)
        var violations: [String] = []
        func check(_ listings: [SnapshotListing]) throws {
            for listing in listings where !promises.damaged.contains(listing.step) {
                if !promises.durable.union(promises.undecided).contains(listing.step) {
                    violations.append("step \(listing.step) came from nowhere")
                }
                let damages = try store.verify(step: listing.step)
                if !damages.isEmpty { violations.append("step \(listing.step): \(damages)") }
            }
        }
        // As a reader sees it who may not clean up, and as the next writer does.
        try check(store.list())
        try store.removeLeftovers()
        let listings = try store.list()
        try check(listings)
        for step in promises.durable.subtracting(listings.map(\.step)).sorted() {
            violations.append("step \(step) was promised and is lost")
        }
        for listing in listings where !promises.damaged.contains(listing.step) {
            guard let snapshot = try? store.load(step: listing.step) else { continue }
            if snapshot.manifest.stateDigest != contents(listing.step).state.stateDigest {
                violations.append("step \(listing.step) is another state")
            }
        }
        if let newest = promises.durable.max(), try store.newestVerified().snapshot?.manifest.step ?? 0 < newest {
            violations.append("step \(newest) is not found")
        }
        try store.write(contents(5))
        if try store.verify(step: 5) != [] { violations.append("the next snapshot is damaged") }
        let names = try files.names(in: "/run/snapshots")
        if names.contains(where: { $0.hasPrefix(".") }) { violations.append("left over: \(names)") }
        return violations
    }

    /// - Returns: the first violation, and how many states there were.
    private static func enumerate(lie: SimulatedFiles.Lie?, seeds: Int) throws -> (violation: String?, states: Int) {
        let whole = try SmallState.files(lie: lie)
        try live(whole, Promises())
        var states: Set<String> = []
        for call in 0...whole.calls {
            let files = try SmallState.files(lie: lie)
            let promises = Promises()
            files.crash(afterCalls: call)
            do {
                try live(files, promises)
            } catch {
                #expect("\(error)".contains(SimulatedFiles.crashed.reason))
            }
            for persistence in SimulatedFiles.Persistence.allCases {
                let isRandom = persistence == .tornContents || persistence == .mixed
                for seed in 0..<(isRandom ? seeds : 1) {
                    let survivor = files.afterCrash(persistence, seed: UInt64(call * 1000 + seed))
                    guard states.insert(survivor.fingerprint.description + promises.text).inserted else { continue }
                    if let violation = try violations(survivor, promises).first {
                        let last = files.log.last ?? "nothing"
                        return ("after call \(call), \(last), \(persistence), \(seed): \(violation)", states.count)
                    }
                }
            }
        }
        return (nil, states.count)
    }

    @Test func nothingPromisedIsLost() throws {
        let result = try Self.enumerate(lie: nil, seeds: TestAmount.isLong ? 1000 : 1)
        #expect(result.violation == nil)
        #expect(result.states >= (TestAmount.isLong ? 10_000 : 150))
        if TestAmount.isLong { print("\(result.states) distinct crash states") }
    }

    /// Canary: on a disk that lies about either kind of synchronization the same test fails.
    @Test(arguments: SimulatedFiles.Lie.allCases) func aLyingDiskIsNoticed(_ lie: SimulatedFiles.Lie) throws {
        #expect(try Self.enumerate(lie: lie, seeds: 1).violation != nil)
    }
}
