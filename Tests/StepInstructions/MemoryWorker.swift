internal import LockstepCluster
internal import LockstepCollectives
internal import LockstepCore
internal import LockstepEngine
internal import LockstepJobs

/// A worker without a process: its core, its exchange, and the executor that computes its lanes on this thread.
struct MemoryWorker {
    struct Frame {
        let to: Int
        let header: FrameHeader
        let payload: [UInt8]
    }

    let identity: WorkerIdentity
    var core: WorkerCore
    private let job: ResolvedJob
    private let steps: UInt32
    private let kernels = Kernels.best()
    private let state: FlatState
    private var executor: Executor?
    private var exchange: Exchange?
    private var lanes = 0..<0
    private var roots: [UnsafeMutablePointer<Float>] = []
    private var total = UnsafeMutablePointer<Float>.allocate(capacity: 1)
    private var staging = UnsafeMutablePointer<Float>.allocate(capacity: 1)
    private let inputs: UnsafeMutablePointer<Float>
    private let targets: UnsafeMutablePointer<UInt32>
    private let results: UnsafeMutablePointer<LaneResult>
    private let metricSums: UnsafeMutablePointer<Double>

    init(number: Int, job: ResolvedJob, steps: UInt32) throws {
        self.job = job
        self.steps = steps
        identity = WorkerIdentity(
            name: "w\(number)", process: ProcessNumber(UInt64(number) + 1), host: "h", processIdentifier: 1,
            version: "1", instructionSet: "", threads: 1)
        core = WorkerCore(identity)
        state = try FlatState(plan: job.plan, seed: job.seed)
        let elements = job.batchSize * job.plan.sampleElements
        inputs = .allocate(capacity: elements)
        for index in 0..<elements { inputs[index] = Float(index % 255) / 255 }
        targets = .allocate(capacity: job.batchSize)
        for index in 0..<job.batchSize { targets[index] = UInt32(index % 10) }
        results = .allocate(capacity: job.laneTree.laneCount)
        results.initialize(repeating: LaneResult(), count: job.laneTree.laneCount)
        let sums = max(1, job.laneTree.laneCount * job.plan.metricSumCount)
        metricSums = .allocate(capacity: sums)
        metricSums.initialize(repeating: 0, count: sums)
    }

    /// The exchange and the executor of a generation. What they use lives as long as the process.
    mutating func begin(_ start: Start) throws {
        guard let own = start.roster.index(of: identity.name), let schedule = core.schedule else { return }
        lanes = start.roster.members[own].lanes
        let plan = try ExchangePlan.rails(
            tree: job.laneTree, lanes: start.roster.members.map(\.lanes), ownIndex: own,
            elementCount: job.plan.layout.count, sumCount: job.sumCount, settings: start.roster.exchange)[0]
        roots = plan.ownRoots.map { _ in Self.floats(job.plan.layout.count) }
        total = Self.floats(job.plan.layout.count)
        staging = Self.floats(max(1, plan.stagingCount))
        exchange = Exchange(plan: plan, generation: start.roster.generation, schedule: schedule)
        executor = try Executor(
            plan: job.plan, kernels: kernels, lanes: lanes, laneTree: job.laneTree, batchSize: job.batchSize, threads: 1
        )
    }

    private static func floats(_ count: Int) -> UnsafeMutablePointer<Float> {
        let raw = UnsafeMutableRawPointer.allocate(byteCount: 4 * count, alignment: 64)
        let floats = raw.bindMemory(to: Float.self, capacity: count)
        floats.initialize(repeating: 0, count: count)
        return floats
    }

    mutating func compute(_ turn: Turn) -> WorkerEvent? {
        guard turn.hasBatch, let executor else { return nil }
        let perLane = job.batchSize / job.laneTree.laneCount
        let laneStarts = (0...lanes.count).map { UInt32($0 * perLane) }
        _ = executor.train(
            parameters: state.parameters, inputs: inputs, targets: UnsafeRawPointer(targets),
            laneStarts: laneStarts, gradients: roots, results: results, metricSums: metricSums,
            context: StepContext(seed: job.seed, step: turn.step, firstPosition: UInt32(lanes.lowerBound * perLane)))
        return .computed(turn)
    }

    mutating func perform(_ action: WorkerAction) -> WorkerEvent? {
        switch action {
        case .prepare:
            let hash = state.hash(kernels)
            return .prepared(
                WorkerPreparation(
                    planDigest: "p", probe: hash,
                    state: HeldState(holding: Holding(point: StatePoint(step: 0), hash: hash, wholeHash: hash)),
                    lastStep: steps, evaluationBatches: 0, host: "h", ports: [1]))
        case .record(let turn, let askedGeneration, _, let hashesState):
            guard var exchange, let executor else { return nil }
            let plan = exchange.plan
            let hash = hashesState ? executor.hash(state) : nil
            let sums = plan.ownRoots.flatMap { root in
                [root.lanes.reduce(0.0) { $0 + results[$1 - lanes.lowerBound].loss }]
                    + [Double](repeating: 1, count: job.sumCount - 1)
            }
            exchange.begin(turn)
            if turn.hasGradients { for bucket in 0..<plan.buckets.count { exchange.bucketReady(bucket) } }
            exchange.recordReady(
                ControlRecord(
                    lanes: lanes, sums: sums, sampleHash: 1,
                    stateHash: hash ?? StateHash(high: 0, low: 0),
                    askedGeneration: askedGeneration))
            self.exchange = exchange
            return .recorded(turn, hash)
        case .apply(let turn, let summary):
            guard let executor else { return nil }
            executor.update(
                state,
                optimizer: job.optimizerStep(
                    step: Int(turn.step), totalWeight: summary.totals[1], plateauFactor: 1, kernels: kernels),
                totalGradient: total, batchCount: job.batchSize)
            return .updated(
                StepReport(
                    step: turn.step, epoch: 1, loss: 1, metrics: [], learningRate: 1, samples: 64, seconds: 0.005))
        default: return nil
        }
    }

    /// - Returns: false where the frame has no place yet.
    mutating func receive(_ header: FrameHeader, _ payload: [UInt8], from member: Int) throws -> Bool {
        guard var exchange else { return false }
        defer { self.exchange = exchange }
        let count = Int(header.length) / 4
        func copy(to place: UnsafeMutablePointer<Float>) {
            UnsafeMutableRawBufferPointer(start: place, count: payload.count).copyBytes(from: payload)
        }
        switch try exchange.willReceive(header, from: member) {
        case .later: return false
        case .staging(let offset): copy(to: staging + offset)
        case .total(let offset): copy(to: total + offset)
        case .sum(let root, let range):
            payload.withUnsafeBytes { bytes in
                for index in 0..<count {
                    total[range.lowerBound + index] =
                        roots[root][range.lowerBound + index]
                        + bytes.loadUnaligned(fromByteOffset: 4 * index, as: Float.self)
                }
            }
        case .record:
            try exchange.didReceiveRecord(payload, header, from: member)
            return true
        }
        try exchange.didReceive(header, from: member)
        return true
    }

    mutating func carryOut() throws -> (frames: [Frame], answers: [WorkerEvent]) {
        guard var exchange else { return ([], []) }
        var frames: [Frame] = []
        var answers: [WorkerEvent] = []
        while let action = exchange.nextAction() {
            switch action {
            case .send(let to, let header, let source):
                switch source {
                case .root(let index, let range):
                    frames.append(Frame(to: to, header: header, payload: bytes(roots[index], range)))
                    exchange.didSend(header)
                case .total(let range): frames.append(Frame(to: to, header: header, payload: bytes(total, range)))
                case .record(let payload): frames.append(Frame(to: to, header: header, payload: payload))
                }
            case .reduce(let reduction): reduction.apply(roots: roots, staging: staging, total: total)
            case .bucketFinished, .resume: break
            case .finished(let turn, let records):
                let summary = try RecordSummary(
                    records: records, tree: exchange.plan.tree, sumCount: exchange.plan.sumCount)
                answers.append(.turnFinished(turn, summary, gradientIsFinite: true, gradientBytesSent: 0))
            }
        }
        self.exchange = exchange
        return (frames, answers)
    }

    private func bytes(_ floats: UnsafeMutablePointer<Float>, _ range: Range<Int>) -> [UInt8] {
        Array(UnsafeRawBufferPointer(start: floats + range.lowerBound, count: 4 * range.count))
    }
}
