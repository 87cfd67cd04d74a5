package import LockstepCore
internal import LockstepFormats

/// Writes snapshots into a run directory. A snapshot exists whole or not at all, also after a loss of power.
package struct SnapshotWriter: Sendable {
    package static let parametersFile = "parameters.safetensors"
    package static let optimizerFile = "optimizer.safetensors"

    private let run: RunDirectory

    package init(run: RunDirectory) { self.run = run }

    /// Writes `snapshots/step-N`: beside it first, then durably, then under its name. Where the same snapshot exists
    /// already, it stays; the caller holds the run directory's lock.
    ///
    /// - Returns: the path of the snapshot's directory.
    /// - Throws: a `failed` error that names the file or directory.
    @discardableResult
    package func write(_ state: StateSnapshot) throws(CommandError) -> String {
        let target = run.snapshot(step: state.position.step)
        let beside = target + ".partial"
        let files = [
            (SnapshotWriter.parametersFile, Safetensors(tensors: state.parameters)),
            (SnapshotWriter.optimizerFile, Safetensors(tensors: state.optimizer + [state.position.tensor])),
        ]
        try DurableFiles.createDirectory(run.snapshots)
        try DurableFiles.removeDirectory(beside, files: files.map(\.0))
        try DurableFiles.createDirectory(beside)
        for (name, contents) in files {
            try DurableFiles.create(beside + "/" + name) { write in try contents.write(to: write) }
        }
        try DurableFiles.synchronizeDirectory(beside)

        if DurableFiles.exists(target) {
            guard try DurableFiles.areEqual(beside, target, files: files.map(\.0)) else {
                throw .failed("“\(target.escapedForDisplay())” already holds another state; move it away and try again")
            }
            try DurableFiles.removeDirectory(beside, files: files.map(\.0))
        } else {
            try DurableFiles.rename(beside, to: target)
        }
        try DurableFiles.synchronizeDirectory(run.snapshots)
        return target
    }
}
