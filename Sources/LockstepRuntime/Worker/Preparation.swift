internal import LockstepCluster
internal import LockstepCore
internal import LockstepData
internal import LockstepEngine
internal import LockstepJobs
internal import LockstepModels
internal import LockstepSnapshots

#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

/// A worker's way from WELCOME to a job and a state: what it can read itself, then what the coordinator streams.
struct Preparation {
    /// The job and the state to begin with.
    struct Ready {
        let job: ResolvedJob
        let state: FlatState
        let watched: WatchState
        let step: UInt32
        let epochSums: [Double]
        let epochSampleSum: UInt64
        /// What shows that this process computes as the others do.
        let probe: StateHash
    }

    let welcome: Welcome
    /// What the coordinator is asked for.
    let want: Want
    private let source: JobSource
    private let file: JobFile
    private var contents: [String: DataFile] = [:]

    /// Reads what lies beneath the data directory.
    ///
    /// - Throws: `CommandError.usage`: a file here is another than the coordinator's.
    init(_ welcome: Welcome, dataDirectory: DataDirectory) throws(CommandError) {
        guard let source = try? JSONDecoder().decode(JobSource.self, from: Data(welcome.job.utf8)) else {
            throw .failed("the coordinator sent a job that this program cannot read; run the same version")
        }
        self.welcome = welcome
        self.source = source
        file = try JobFile(source)
        var missing: [String] = []
        for reference in welcome.files {
            guard let path = file.files.first(where: { $0.name == reference.name })?.path else {
                throw .failed("the coordinator names a file that the job does not have; run the same version")
            }
            let data: DataFile
            do throws(CommandError) {
                data = try dataDirectory.read(path, absolutePath: reference.absolutePath)
            } catch {
                guard reference.isOffered else { throw error }
                missing.append(reference.name)
                continue
            }
            guard try data.digest() == reference.digest else {
                throw .usage(
                    "\(reference.name.escapedForDisplay()): this file differs from the coordinator's; copy the same one here, or remove it and it will be sent"
                )
            }
            contents[reference.name] = data
        }
        want = Want(files: missing, state: welcome.state != nil)
    }

    /// Vectors of the state that is streamed: parameters, the optimizer's, the best, then the numbers.
    var vectorCount: Int {
        let watch = Watch(
            earlyStopping: file.job.earlyStopping, schedule: file.job.optimizer.learningRate,
            best: file.job.snapshots.best)
        return 2 + FlatState.vectorNames(file.job.optimizer.kind, keepsBest: watch.keepsBest).count
    }

    /// - Throws: `CommandError`: what came is not what was promised, or the job cannot be made of it.
    func finish(_ fetched: Fetched, _ kernels: Kernels) throws -> Ready {
        var contents = contents
        for (name, bytes) in zip(want.files, fetched.files) {
            let data = try DataFile(unpacking: bytes, name: name)
            guard let reference = welcome.files.first(where: { $0.name == name }),
                try data.digest() == reference.digest
            else {
                throw CommandError.failed("\(name.escapedForDisplay()): what the coordinator sent is damaged")
            }
            contents[name] = data
        }
        var job = try PreparedJob.naming(source.fileName) {
            try ResolvedJob(file.job) { path in contents[path.name] ?? DataFile(name: path.name, bytes: []) }
        }
        let state = try job.takeInitialState()
        let probe = try LaneProbe.hash(job, state, kernels: kernels)
        guard let offer = welcome.state else {
            return Ready(
                job: job, state: state, watched: WatchState(), step: 0, epochSums: [], epochSampleSum: 0, probe: probe)
        }
        let numbers = try fill(state, from: fetched, job)
        guard try digest(of: state, numbers, offer, job) == offer.stateDigest else {
            throw CommandError.failed("the state that the coordinator sent is not the one of step \(offer.step)")
        }
        return Ready(
            job: job, state: state, watched: WatchState(numbers: numbers.watch) ?? WatchState(), step: offer.step,
            epochSums: numbers.epochSums, epochSampleSum: numbers.epochSampleSum, probe: probe)
    }

    /// - Returns: the numbers beside the vectors.
    private func fill(_ state: FlatState, from fetched: Fetched, _ job: ResolvedJob) throws -> StateNumbers {
        let targets = [state.parameters] + state.vectors
        let byteCount = 4 * job.plan.layout.count
        guard fetched.state.count == targets.count + 1, fetched.state.dropLast().allSatisfy({ $0.count == byteCount }),
            let last = fetched.state.last, let numbers = StateNumbers(StateNumbers.numbers(last), job: job)
        else { throw CommandError.failed("the state that the coordinator sent is not one of this job") }
        for (target, bytes) in zip(targets, fetched.state) {
            UnsafeMutableRawBufferPointer(start: target, count: byteCount).copyBytes(from: bytes)
        }
        return numbers
    }

    private func digest(
        of state: FlatState, _ numbers: StateNumbers, _ offer: StateOffer, _ job: ResolvedJob
    ) throws -> Digest {
        let progress = job.order.progress(afterStep: Int(offer.step))
        return StateSnapshot(
            state, step: Int(offer.step), epoch: progress.epoch, samplesDone: progress.samplesDone,
            watch: job.watch == nil ? nil : numbers.watch
        ).stateDigest
    }
}
