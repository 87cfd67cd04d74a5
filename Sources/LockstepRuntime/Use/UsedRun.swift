internal import LockstepCore
internal import LockstepData
internal import LockstepEngine
internal import LockstepFormats
internal import LockstepJobs
internal import LockstepSnapshots

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

/// A run opened for use: its job's model with the parameters of one of its snapshots.
struct UsedRun {
    let directory: RunDirectory
    let model: TrainedModel
    let state: FlatState
    let manifest: SnapshotManifest
    /// Newer snapshots that were not taken, and why, a line each.
    let passedOver: [String]
    private let fileName: String
    private let files: [JobFile.DataFile]

    /// - Parameters:
    ///   - step: of the snapshot; nil for the best one where the job keeps a best, else for the newest sound one.
    ///   - overrides: `--set` arguments that come on top of the run's own.
    /// - Throws: `CommandError`: usage, or verification where a snapshot is damaged.
    init(_ directory: RunDirectory, step: Int?, overrides: [String] = []) throws {
        let source = try RunDescription(directory).source.changed(by: overrides, in: UsedRun.currentDirectory)
        let file = try JobFile(source)
        let (snapshot, passedOver) = try UsedRun.snapshot(
            of: directory, step: step, keepsBest: file.job.snapshots.best != nil)
        self.directory = directory
        self.passedOver = passedOver
        manifest = snapshot.manifest
        fileName = source.fileName
        files = file.files
        let preprocessing = try UsedRun.preprocessing(of: snapshot, in: directory)
        let model = try PreparedJob.naming(source.fileName) {
            try TrainedModel(file.job, preprocessing: preprocessing)
        }
        self.model = model
        // Nothing is updated, so that the optimizer's vectors are not needed.
        state = try FlatState(layout: model.plan.layout, optimizer: .sgd)
        try state.load(withVectors: false) { name in
            guard let tensor = snapshot[name],
                model.plan.layout.entries.contains(where: { $0.name == name && $0.shape == tensor.shape })
            else { return nil }
            return tensor.floats
        }
    }

    /// Opens the data that the job names for evaluation.
    ///
    /// - Throws: `CommandError.usage`.
    func evaluationData() throws -> any SampleReader {
        try PreparedJob.naming(fileName) {
            try model.evaluationData { path in
                try RegularFile.read(path, at: files.first { $0.name == path.name }?.absolutePath ?? path.name)
            }
        }
    }

    private static func snapshot(
        of directory: RunDirectory, step: Int?, keepsBest: Bool
    ) throws(CommandError) -> (Snapshot, passedOver: [String]) {
        let store = SnapshotStore(run: directory)
        if let step { return (try store.load(step: step), []) }
        if keepsBest, let best = try store.best() { return (try store.load(step: best), []) }
        let found = try store.newestVerified()
        let passedOver = found.passedOver.map { "passed over the snapshot of step \($0.step): \($0.reason)" }
        guard let snapshot = found.snapshot else {
            let path = directory.path.escapedForDisplay(limit: 1000)
            guard let first = passedOver.first else {
                throw .usage("\(path): the run has no snapshot yet; wait for the first one, or let the run end")
            }
            throw CommandError(.verification, "\(path): no snapshot is sound; \(first)")
        }
        return (snapshot, passedOver)
    }

    private static func preprocessing(
        of snapshot: Snapshot, in directory: RunDirectory
    ) throws(CommandError) -> Preprocessing {
        let path = directory.snapshot(step: snapshot.manifest.step).escapedForDisplay(limit: 1000)
        guard let value = snapshot.manifest.preprocessing else {
            throw .usage("\(path): it does not say how data becomes inputs; use a snapshot that a run has written")
        }
        guard let preprocessing = try? JSONDecoder().decode(Preprocessing.self, from: Data(value.bytes)) else {
            throw CommandError(.verification, "\(path): its preprocessing cannot be read; use another snapshot")
        }
        try preprocessing.validate()
        return preprocessing
    }

    private static var currentDirectory: String {
        guard let path = getcwd(nil, 0) else { return "." }
        defer { free(path) }
        return String(cString: path)
    }
}
