internal import LockstepCluster
internal import LockstepCore
internal import LockstepData
internal import LockstepEngine
internal import LockstepFormats
internal import LockstepJobs
internal import LockstepSnapshots

/// S(n) from a snapshot that was verified to the last byte, as flat vectors that workers can be sent.
struct ResumedState: Sendable {
    let step: UInt32
    /// The hash of the parameters.
    let hash: StateHash
    let stateDigest: Digest
    let path: String
    /// Little-endian: the parameters, the optimizer's vectors, then the numbers beside them.
    let vectors: [[UInt8]]
    /// Of the epoch so far: loss, weight, then the metrics' sums.
    let epochSums: [Double]
    /// Training was stopped early at this step: only the end is left.
    let isStopped: Bool

    /// - Throws: `CommandError.verification` where a tensor of the job is missing or has another shape.
    init(_ snapshot: Snapshot, job: ResolvedJob, path: String) throws(CommandError) {
        let manifest = snapshot.manifest
        guard manifest.step <= job.stepCount, let step = UInt32(exactly: manifest.step) else {
            throw CommandError(
                .verification,
                "\(path.escapedForDisplay()): its step \(manifest.step) is beyond the job's last, \(job.stepCount); remove it and resume"
            )
        }
        self.step = step
        hash = manifest.stateHash
        stateDigest = manifest.stateDigest
        self.path = path
        var vectors = [try ResumedState.flat(snapshot, vector: nil, job.plan.layout)]
        for name in job.vectorNames {
            vectors.append(try ResumedState.flat(snapshot, vector: name, job.plan.layout))
        }
        let numbers = StateNumbers(
            watch: snapshot.watch ?? [], epochSums: manifest.epochSums,
            epochSampleSum: manifest.epochSampleSum
                ?? job.order.epochSampleSum(afterStep: manifest.step, laneCount: job.laneTree.laneCount))
        guard numbers.count == StateNumbers.count(of: job) else {
            throw CommandError(
                .verification,
                "\(path.escapedForDisplay()): it was written with other metrics, or with another snapshots.best; resume with those of its run"
            )
        }
        isStopped = job.watch == nil ? false : numbers.isStopped
        epochSums = numbers.epochSums
        self.vectors = vectors + [numbers.bytes]
    }

    /// What a worker holds that has taken this state.
    func holding(_ job: ResolvedJob) throws -> Holding {
        let state = try FlatState(plan: job.plan, seed: job.seed, keepsBest: job.keepsBest)
        for (target, bytes) in zip([state.parameters] + state.vectors, vectors) {
            bytes.withUnsafeBytes { source in
                UnsafeMutableRawBufferPointer(start: target, count: 4 * job.plan.layout.count).copyBytes(from: source)
            }
        }
        let numbers = StateNumbers.numbers(vectors.last ?? [])
        let hashes = state.hashes(Kernels.best(), numbers: numbers)
        return Holding(point: StatePoint(step: step), hash: hashes.parameters, wholeHash: hashes.whole)
    }

    private static func flat(
        _ snapshot: Snapshot, vector: String?, _ layout: FlatLayout
    ) throws(CommandError) -> [UInt8] {
        let prefix = vector.map { $0 + "." } ?? ""
        var bytes = [UInt8](repeating: 0, count: layout.count * 4)
        for entry in layout.entries(ofVector: vector) {
            guard let tensor = snapshot[prefix + entry.name], tensor.type == .float32, tensor.shape == entry.shape
            else {
                throw CommandError(
                    .verification,
                    "the snapshot of step \(snapshot.manifest.step) has no tensor \(prefix + entry.name) of shape \(entry.shape)"
                )
            }
            bytes.replaceSubrange(4 * entry.range.lowerBound..<4 * entry.range.upperBound, with: tensor.bytes)
        }
        return bytes
    }
}
