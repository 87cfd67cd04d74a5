import LockstepCore
import LockstepFormats
import LockstepSnapshots

/// States small enough to be written thousands of times, each step's with its own bytes.
enum SmallState {
    static let origin = SnapshotOrigin(
        version: "0.0", arithmetic: 1, run: "run-1", job: "small", jobDigest: DigestBuilder.digest(of: [1]),
        planDigest: DigestBuilder.digest(of: [2]), seed: .max)

    static func contents(
        step: Int, value: Float = 1, best: Double? = nil, elements: Int = 5, origin: SnapshotOrigin = origin
    ) -> SnapshotContents {
        let floats = (0..<elements).map { Float(step) + Float($0) * value }
        return SnapshotContents(
            state: StateSnapshot(
                parameters: [
                    TensorView(name: "0.weight", shape: [elements], floats: floats),
                    TensorView(name: "0.bias", shape: [], floats: [value]),
                    TensorView(name: "0.num_batches_tracked", integer: Int64(step)),
                    TensorView(name: "ü.empty", shape: [0, 3], floats: []),
                ],
                optimizer: [
                    TensorView(name: "exp_avg.0.weight", shape: [elements], floats: floats.map { -$0 }),
                    TensorView(name: "exp_avg.0.bias", shape: [], floats: [3]),
                ],
                position: TrainingPosition(step: step, epoch: 1, samplesDone: step * 8),
                watch: best.map { [$0, -.infinity, .nan] }),
            origin: origin, stateHash: StateHash(high: UInt64(step), low: 7),
            best: best.map { BestMark(metric: "loss", value: $0) }, preprocessing: ["kind": "none", "scale": 0.1],
            epochSums: [0.1, .infinity], epochSampleSum: .max - 1)
    }

    /// A run directory in a simulated file system.
    static let run = RunDirectory(path: "/run")

    static func files(lie: SimulatedFiles.Lie? = nil) throws -> SimulatedFiles {
        let files = SimulatedFiles(lie: lie)
        try files.makeDirectory("/run")
        // What was there before is safe whatever the disk says.
        return files.copy()
    }

    static func store(_ files: SimulatedFiles) -> SnapshotStore { SnapshotStore(run: run, files: files) }
}
