import LockstepCluster
import LockstepCollectives
import LockstepTestSupport

/// A cluster, what it trains, and what befalls it, drawn from a seed.
struct ClusterScenario {
    enum Fault: Equatable {
        case crash(worker: Int, at: UInt64)
        case hang(worker: Int, at: UInt64)
        case cut(Int, Int, at: UInt64)
        case stop(at: UInt64)
        case unable(worker: Int)
        /// Another process with the name of a worker.
        case duplicate(worker: Int, at: UInt64)
        case surplus(at: UInt64)
        /// The process computes no more, and answers pings.
        case stall(worker: Int, at: UInt64)
        case bulkLost(worker: Int, at: UInt64)
        case notFinite(step: UInt32, lane: Int)
        case flip(worker: Int, step: UInt32)
        /// A worker judges the validation after this step as nobody else does.
        case misjudge(worker: Int, step: UInt32)
        /// A worker's shares in mid-run are of the step before.
        case staleShares(worker: Int)
        /// No snapshot in mid-run can be written.
        case fullDisk
        /// A worker finds that a trial was summed wrongly.
        case wrongSums(worker: Int)
    }

    enum Kind: CaseIterable {
        case undisturbed, crash, crashes, hang, cut, stop, unable, duplicate, surplus, notFinite, flip, crashAndStop
        case stall, bulkLost, misjudge, staleShares, fullDisk, stopEarly, stopLate
        case crashMeasuring, cutMeasuring, stallMeasuring, stopMeasuring, wrongSums
    }

    let job: SimulatedJob
    let workers: Int
    /// Whether the coordinator hears when a process ends.
    let hasLauncher: Bool
    /// Of ten shares so many find an earlier one on its way, and are left out.
    let skippedShares: Int
    let snapshotBacklog: Int
    /// Floats in the flat gradient as the coordinator knows it; 0 where nothing is measured.
    let elementCount: Int
    let wish: ExchangeWish
    /// The longest that a snapshot takes to be written, in nanoseconds.
    let slowestWrite: UInt64
    let faults: [Fault]

    /// - Parameter job: of the run that is resumed; nil draws one.
    init(seed: UInt64, kind: Kind? = nil, job given: SimulatedJob? = nil) {
        var random = SeededGenerator(seed: seed)
        let job = given ?? SimulatedJob(using: &random)
        self.job = job
        let workers = Int.random(in: 1...min(5, job.lanes), using: &random)
        self.workers = workers
        let kind = kind ?? Kind.allCases[Int(seed % UInt64(Kind.allCases.count))]
        // Who launches the workers starts no more than it needs.
        hasLauncher = kind != .surplus && Bool.random(using: &random)
        skippedShares = Bool.random(using: &random) ? 0 : Int.random(in: 1...5, using: &random)
        snapshotBacklog = [1, 2, 100].randomElement(using: &random) ?? 1
        slowestWrite = [5_000_000, 50_000_000, 500_000_000].randomElement(using: &random) ?? 0
        let isMeasured = kind.isMeasured || Int.random(in: 0..<4, using: &random) > 0
        elementCount = isMeasured ? [1_000, 100_000, 2_000_000].randomElement(using: &random) ?? 0 : 0
        wish = ExchangeWish(
            links: Int.random(in: 0..<4, using: &random) == 0 ? 2 : nil,
            bucketBytes: Int.random(in: 0..<4, using: &random) == 0 ? 65_536 : nil)
        let end = job.end.step
        // A run takes about 0.2 s to start and 0.04 s a turn.
        let turns = UInt64(job.lastStep) + UInt64(job.evaluations.count) * UInt64(1 + (job.validation?.batches ?? 0))
        func time(_ range: ClosedRange<UInt64>? = nil) -> UInt64 {
            UInt64.random(in: range ?? 0...(400_000_000 + 50_000_000 * turns), using: &random)
        }
        func worker() -> Int { Int.random(in: 0..<workers, using: &random) }
        switch kind {
        case .undisturbed: faults = []
        case .crash: faults = [.crash(worker: worker(), at: time())]
        case .crashes: faults = [.crash(worker: worker(), at: time()), .crash(worker: worker(), at: time())]
        case .hang: faults = [.hang(worker: worker(), at: time())]
        case .cut:
            let first = worker()
            faults = workers < 2 ? [] : [.cut(first, (first + 1) % workers, at: time())]
        case .stop: faults = [.stop(at: time())]
        case .stopEarly: faults = [.stop(at: time(200_000_000...400_000_000))]
        case .stopLate: faults = [.stop(at: time(300_000_000...(300_000_000 + 30_000_000 * turns)))]
        case .unable: faults = [.unable(worker: worker())]
        case .duplicate: faults = [.duplicate(worker: worker(), at: time())]
        case .surplus: faults = [.surplus(at: time())]
        case .notFinite:
            let step = UInt32.random(in: 1...max(1, end), using: &random)
            faults = [.notFinite(step: step, lane: Int.random(in: 0..<job.lanes, using: &random))]
        case .flip:
            faults =
                workers < 2 ? [] : [.flip(worker: worker(), step: UInt32.random(in: 1...end, using: &random))]
        case .misjudge:
            let steps = job.evaluations.map(\.step)
            faults =
                workers < 2
                ? [] : steps.randomElement(using: &random).map { [.misjudge(worker: worker(), step: $0)] } ?? []
        case .staleShares: faults = [.staleShares(worker: worker())]
        case .fullDisk: faults = [.fullDisk]
        case .stall: faults = [.stall(worker: worker(), at: time())]
        case .bulkLost: faults = [.bulkLost(worker: worker(), at: time())]
        // All are there, prepared and linked after 0.1 to 0.3 s, and a trial takes about 0.05 s.
        case .crashMeasuring: faults = [.crash(worker: worker(), at: time(100_000_000...500_000_000))]
        case .stallMeasuring: faults = [.stall(worker: worker(), at: time(100_000_000...500_000_000))]
        case .stopMeasuring: faults = [.stop(at: time(100_000_000...500_000_000))]
        case .cutMeasuring:
            let first = worker()
            let time = time(100_000_000...500_000_000)
            faults = workers < 2 ? [] : [.cut(first, (first + 1) % workers, at: time)]
        case .wrongSums: faults = [.wrongSums(worker: worker())]
        case .crashAndStop: faults = [.crash(worker: worker(), at: time()), .stop(at: time())]
        }
    }
}

extension ClusterScenario.Kind {
    /// Whether there must be something to measure.
    var isMeasured: Bool {
        switch self {
        case .crashMeasuring, .cutMeasuring, .stallMeasuring, .stopMeasuring, .wrongSums: true
        default: false
        }
    }
}
