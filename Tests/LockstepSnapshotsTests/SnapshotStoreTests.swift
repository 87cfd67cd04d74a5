import Foundation
import LockstepCore
import LockstepFormats
import LockstepSnapshots
import Testing

@Suite struct SnapshotStoreTests {
    private func withRun(_ body: (RunDirectory) throws -> Void) throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("lockstep-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        try body(RunDirectory(path: directory.path))
    }

    private func names(in path: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: path).sorted()
    }

    @Test func whatWasWrittenIsLoaded() throws {
        try withRun { run in
            let store = SnapshotStore(run: run)
            let contents = SmallState.contents(step: 200, best: 0.5, elements: 100_000)
            let manifest = try store.write(contents)
            #expect(
                try names(in: run.snapshot(step: 200))
                    == ["SHA256SUMS", "manifest.json", "optimizer.safetensors", "parameters.safetensors"])
            #expect(try names(in: run.snapshots) == ["step-00000200"])
            #expect(try store.verify(step: 200) == [])

            let snapshot = try store.load(step: 200)
            #expect(snapshot.manifest == manifest)
            #expect(manifest.digest == contents.state.digest && manifest.stateDigest == contents.state.stateDigest)
            #expect(manifest.best == contents.best && manifest.origin == contents.origin)
            #expect(manifest.preprocessing == contents.preprocessing && manifest.epochSums == contents.epochSums)
            #expect(manifest.epochSampleSum == UInt64.max - 1)
            #expect(manifest.isFinite && manifest.stateHash == contents.stateHash)
            #expect(snapshot.parameters == contents.state.parameters.sorted { $0.precedes($1) })
            #expect(snapshot.optimizer == contents.state.optimizer.sorted { $0.precedes($1) })
            #expect(snapshot.position == contents.state.position)
            #expect(snapshot.watch?.map(\.bitPattern) == contents.state.watch?.map(\.bitPattern))
            #expect(snapshot["exp_avg.0.bias"]?.floats == [3] && snapshot["0.weight"]?.shape == [100_000])
            #expect(snapshot["nothing"] == nil)
        }
    }

    /// The state digest of a job that watches nothing knows of no tensor `watch`.
    @Test func watchStandsUnderTheStateDigest() throws {
        var state = SmallState.contents(step: 3, best: 0.5).state
        let watching = state
        state.watch = nil
        #expect(state.digest == watching.digest && state.stateDigest != watching.stateDigest)
        let plain = TensorDigest.digest(of: [state.parameters, state.optimizer, [state.position.tensor]])
        #expect(state.stateDigest == plain)
    }

    @Test func safetensorsFilesAreReadByTheReader() throws {
        try withRun { run in
            let contents = SmallState.contents(step: 1, best: 2)
            try SnapshotStore(run: run).write(contents)
            func read(_ name: String) throws -> Safetensors {
                let url = URL(fileURLWithPath: run.snapshot(step: 1) + "/" + name)
                return try Safetensors(parsing: Array(Data(contentsOf: url)))
            }
            let parameters = try read("parameters.safetensors")
            let optimizer = try read("optimizer.safetensors")
            #expect(TensorDigest.digest(of: [parameters.tensors]) == contents.state.digest)
            #expect(optimizer["position"]?.integers == [1, 1, 8])
            #expect(optimizer["watch"]?.doubles?.first == 2)
        }
    }

    @Test func writingTheSameAgainKeepsIt() throws {
        try withRun { run in
            let store = SnapshotStore(run: run)
            let first = try store.write(SmallState.contents(step: 200))
            #expect(try store.write(SmallState.contents(step: 200)) == first)
            let error = #expect(throws: CommandError.self) { try store.write(SmallState.contents(step: 200, value: 5)) }
            #expect(error?.exitCode == .failed && error?.message.contains("another state") == true)
            #expect(try store.load(step: 200).manifest == first)
            #expect(try names(in: run.snapshots) == ["step-00000200"])
        }
    }

    /// A step may be written because it is due, and again because it turns out to be the best.
    @Test func markingAsBestReplacesTheSameState() throws {
        try withRun { run in
            let store = SnapshotStore(run: run)
            var contents = SmallState.contents(step: 7, best: 1)
            contents.best = nil
            try store.write(contents)
            #expect(try store.best() == nil)
            contents.best = BestMark(metric: "accuracy", value: 0.75)
            try store.write(contents)
            #expect(try store.load(step: 7).manifest.best == contents.best)
            #expect(try store.best() == 7)
            contents.best = BestMark(metric: "loss", value: .nan)
            #expect(try store.write(contents).best?.value == 0.75)
            #expect(try names(in: run.snapshots) == ["step-00000007"])
        }
    }

    @Test func aDamagedOneIsReplaced() throws {
        try withRun { run in
            let store = SnapshotStore(run: run)
            try store.write(SmallState.contents(step: 9))
            try FileManager.default.removeItem(atPath: run.snapshot(step: 9) + "/optimizer.safetensors")
            #expect(try store.verify(step: 9) == [SnapshotDamage(file: "optimizer.safetensors", what: "missing")])
            try store.write(SmallState.contents(step: 9))
            #expect(try store.verify(step: 9) == [])
            #expect(try names(in: run.snapshots) == ["step-00000009"])
        }
    }

    @Test func leftoversOfDeadWritersGo() throws {
        try withRun { run in
            let store = SnapshotStore(run: run)
            try store.write(SmallState.contents(step: 1))
            let beside = run.snapshots + "/.step-00000002-0123456789abcdef"
            try FileManager.default.createDirectory(atPath: beside, withIntermediateDirectories: true)
            try Data([1]).write(to: URL(fileURLWithPath: beside + "/parameters.safetensors"))
            // Complete, but not yet in its place.
            try FileManager.default.copyItem(
                atPath: run.snapshot(step: 1), toPath: run.snapshots + "/.step-00000001-0123456789abcdef")
            try FileManager.default.removeItem(atPath: run.snapshot(step: 1))
            #expect(try store.list().isEmpty)
            // Nobody of ours made these: they are said, and harm nothing.
            try Data().write(to: URL(fileURLWithPath: run.snapshots + "/.step-x"))
            #expect(
                try store.removeLeftovers().map { $0.prefix(9) }
                    == ["recovered", "removed “", "could not"])
            #expect(try names(in: run.snapshots) == [".step-x", "step-00000001"])
            #expect(try store.verify(step: 1) == [])
        }
    }

    @Test func newestVerifiedSaysWhatItPassedOver() throws {
        try withRun { run in
            let store = SnapshotStore(run: run)
            #expect(try store.newestVerified().snapshot == nil)
            var other = SmallState.origin
            other.jobDigest = DigestBuilder.digest(of: [9])
            for step in [10, 20, 30] { try store.write(SmallState.contents(step: step)) }
            try store.write(SmallState.contents(step: 40, value: .nan))
            try store.write(SmallState.contents(step: 50, origin: other))
            try Data().write(to: URL(fileURLWithPath: run.snapshot(step: 30) + "/parameters.safetensors"))
            let found = try store.newestVerified(jobDigest: SmallState.origin.jobDigest)
            #expect(found.snapshot?.manifest.step == 20)
            #expect(found.passedOver.map(\.step) == [50, 40, 30])
            #expect(found.passedOver[0].reason == "it belongs to another job")
            #expect(found.passedOver[1].reason == "its state is not finite")
            #expect(found.passedOver[2].reason.hasPrefix("it is damaged: parameters.safetensors, bytes 0..<"))
            #expect(try store.newestVerified().snapshot?.manifest.step == 50)
        }
    }

    @Test func exportedOnesComeBack() throws {
        try withRun { run in
            let store = SnapshotStore(run: run)
            let manifest = try store.write(SmallState.contents(step: 12, elements: 3000))
            let path = run.path + "/exported"
            #expect(try store.export(step: 12, to: path) == manifest)
            #expect(throws: CommandError.self) { try store.export(step: 12, to: path) }

            let other = SnapshotStore(run: RunDirectory(path: run.path + "/other"))
            try FileManager.default.createDirectory(atPath: other.run.path, withIntermediateDirectories: true)
            let refusal = #expect(throws: CommandError.self) {
                try other.importSnapshot(from: path, jobDigest: DigestBuilder.digest(of: []))
            }
            #expect(refusal?.exitCode == .usage)
            #expect(try other.importSnapshot(from: path, jobDigest: SmallState.origin.jobDigest) == manifest)
            #expect(try other.load(step: 12).manifest == manifest)

            let handle = try #require(FileHandle(forUpdatingAtPath: path + "/parameters.safetensors"))
            try handle.seek(toOffset: 3000)
            try handle.write(contentsOf: [0xAA])
            try handle.close()
            try FileManager.default.removeItem(atPath: other.run.snapshot(step: 12))
            let damage = #expect(throws: CommandError.self) { try other.importSnapshot(from: path) }
            #expect(damage?.exitCode == .verification)
            #expect(try names(in: other.run.snapshots) == [])
            #expect(try names(in: run.path) == ["exported", "other", "snapshots"])
        }
    }

    @Test func errorsNameThePath() throws {
        try withRun { run in
            let missing = #expect(throws: CommandError.self) { try SnapshotStore(run: run).load(step: 3) }
            #expect(missing?.exitCode == .usage)
            try Data().write(to: URL(fileURLWithPath: run.snapshots))
            let error = #expect(throws: CommandError.self) {
                try SnapshotStore(run: run).write(SmallState.contents(step: 3))
            }
            #expect(error?.exitCode == .failed && error?.message.contains("/snapshots") == true)
        }
    }

    /// A link could lead to bytes outside the snapshot, a pipe would block its reader.
    @Test func onlyPlainFilesAreRead() throws {
        try withRun { run in
            let store = SnapshotStore(run: run)
            try store.write(SmallState.contents(step: 3))
            let path = run.snapshot(step: 3) + "/parameters.safetensors"
            try FileManager.default.moveItem(atPath: path, toPath: run.path + "/elsewhere")
            try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: run.path + "/elsewhere")
            #expect(try store.verify(step: 3).map(\.file) == ["parameters.safetensors"])
            try FileManager.default.removeItem(atPath: path)
            #expect(mkfifo(path, 0o644) == 0)
            #expect(try store.verify(step: 3).map(\.file) == ["parameters.safetensors"])
            #expect(throws: CommandError.self) { try store.load(step: 3) }
        }
    }

    @Test func whatCannotBeReadIsNotWritten() throws {
        let files = try SmallState.files()
        let store = SmallState.store(files)
        var contents = SmallState.contents(step: 1)
        contents.state.parameters.append(TensorView(name: "line\nfeed", shape: [], floats: [1]))
        let error = #expect(throws: CommandError.self) { try store.write(contents) }
        #expect(error?.message.contains("line\\u{a}feed") == true)
        contents = SmallState.contents(step: 1)
        contents.state.optimizer.append(TensorView(name: "position", shape: [], floats: [1]))
        #expect(throws: CommandError.self) { try store.write(contents) }
        #expect(try files.names(in: "/run/snapshots").isEmpty && files.openHandles == 0)
    }
}
