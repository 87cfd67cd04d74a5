internal import ArgumentParser
internal import LockstepCore
internal import LockstepFormats
internal import LockstepRuntime
internal import LockstepSnapshots

struct SnapshotCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "snapshot",
        abstract: "List, check, copy and remove the snapshots of a run.",
        subcommands: [List.self, Show.self, Verify.self, Prune.self, Export.self, Import.self])

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the snapshots, oldest first.")

        @OptionGroup var target: RunArgument

        @Flag(help: "Print JSON, a line a snapshot.")
        var json = false

        func run() throws {
            let listings = try SnapshotStore(run: target.directory).list()
            if json {
                for listing in listings { StandardStreams.write(SnapshotText.value(listing).text) }
            } else if listings.isEmpty {
                StandardStreams.writeError("no snapshots")
            } else {
                for line in SnapshotText.table(listings) { StandardStreams.write(line) }
            }
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show what a snapshot holds.")

        @OptionGroup var target: RunArgument

        @Option(help: "The step. Default: the newest snapshot.")
        var at: Int?

        @Flag(help: "Print the manifest as JSON.")
        var json = false

        func run() throws {
            let listing = try SnapshotText.listing(try SnapshotStore(run: target.directory), at: at)
            switch listing.manifest {
            case .success(let manifest):
                let lines = json ? [SnapshotText.value(listing).text] : SnapshotText.lines(manifest, path: listing.path)
                for line in lines { StandardStreams.write(line) }
            case .failure(let damage):
                throw CommandError(.verification, "step \(listing.step): \(damage)")
            }
        }
    }

    struct Verify: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Read snapshots to the last byte and name all damage.",
            discussion: "Exits with 3 where anything is damaged: a flipped bit, a missing file, a missing digest.")

        @OptionGroup var target: RunArgument

        @Option(help: "The step. Default: all snapshots.")
        var at: Int?

        func run() throws {
            let store = try SnapshotStore(run: target.directory)
            let steps = try at.map { [$0] } ?? (try store.list().map(\.step))
            guard !steps.isEmpty else { throw CommandError.usage("the run has no snapshots to verify") }
            var damaged = 0
            for step in steps {
                let damages = try store.verify(step: step)
                if damages.isEmpty { StandardStreams.write("step \(step): sound") } else { damaged += 1 }
                for damage in damages { StandardStreams.write("step \(step): \(damage)") }
            }
            guard damaged == 0 else {
                throw CommandError(
                    .verification,
                    "\(damaged) of \(steps.count) snapshots \(damaged == 1 ? "is" : "are") damaged; resume passes over damaged ones"
                )
            }
        }
    }

    struct Prune: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove old snapshots; never the newest sound one, nor the best.")

        @OptionGroup var target: RunArgument

        @Option(help: "How many of the newest stay.")
        var keep: Int = 3

        @Option(parsing: .singleValue, help: "A step that stays as well; may be repeated.")
        var pin: [Int] = []

        func run() throws {
            guard keep >= 1 else { throw CommandError.usage("--keep \(keep): at least 1 snapshot stays") }
            let store = try SnapshotStore(run: target.directory)
            let lock = try RunLock(store.run)
            defer { lock.release() }
            let report = try store.prune(Retention(keep: keep, pinned: pin))
            for step in report.removed { StandardStreams.write("removed step \(step)") }
            for step in report.damaged { StandardStreams.writeError("step \(step) is damaged and was left") }
            if report.removed.isEmpty { StandardStreams.writeError("nothing to remove") }
            guard report.failures.isEmpty else { throw CommandError.failed(report.failures.joined(separator: "; ")) }
        }
    }

    struct Export: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Copy a snapshot out of the run, verified.",
            discussion: "The copy holds safetensors, a manifest and SHA256SUMS; any tool can open and check it.")

        @OptionGroup var target: RunArgument

        @Option(help: "The step. Default: the newest snapshot.")
        var at: Int?

        @Option(help: ArgumentHelp("A directory that does not exist yet.", valueName: "directory"))
        var to: String

        func run() throws {
            let store = try SnapshotStore(run: target.directory)
            let manifest = try store.export(step: try SnapshotText.listing(store, at: at).step, to: to)
            StandardStreams.write("exported step \(manifest.step) to \(to.escapedForDisplay(limit: 1000))")
        }
    }

    struct Import: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Put a snapshot into the run, verified; it must be of the same job.")

        @OptionGroup var target: RunArgument

        @Option(help: ArgumentHelp("An exported snapshot.", valueName: "directory"))
        var from: String

        func run() throws {
            let store = try SnapshotStore(run: target.directory)
            let lock = try RunLock(store.run)
            defer { lock.release() }
            let digest = Digest(hexadecimal: try RunDescription(store.run).jobDigest)
            let manifest = try store.importSnapshot(from: from, jobDigest: digest)
            StandardStreams.write("imported step \(manifest.step); --resume goes on from the newest sound snapshot")
        }
    }
}
