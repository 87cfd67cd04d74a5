import LockstepTestSupport

/// A cluster and what befalls it, drawn from a seed.
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
    }

    enum Kind: CaseIterable {
        case undisturbed, crash, crashes, hang, cut, stop, unable, duplicate, surplus, notFinite, flip, crashAndStop
        case stall, bulkLost
    }

    let workers: Int
    let lanes: Int
    let lastStep: UInt32
    let evaluationBatches: UInt32
    /// Whether the coordinator hears when a process ends.
    let hasLauncher: Bool
    let faults: [Fault]

    init(seed: UInt64, kind: Kind? = nil) {
        var random = SeededGenerator(seed: seed)
        let lanes = Int.random(in: 1...9, using: &random)
        let workers = Int.random(in: 1...min(5, lanes), using: &random)
        let lastStep = UInt32.random(in: 1...12, using: &random)
        self.lanes = lanes
        self.workers = workers
        self.lastStep = lastStep
        evaluationBatches = UInt32.random(in: 0...2, using: &random)
        let kind = kind ?? Kind.allCases[Int(seed % UInt64(Kind.allCases.count))]
        // Who launches the workers starts no more than it needs.
        hasLauncher = kind != .surplus && Bool.random(using: &random)
        // A run takes about 0.2 s to start and 0.04 s a step.
        func time() -> UInt64 {
            UInt64.random(in: 0...(400_000_000 + 50_000_000 * UInt64(lastStep)), using: &random)
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
        case .unable: faults = [.unable(worker: worker())]
        case .duplicate: faults = [.duplicate(worker: worker(), at: time())]
        case .surplus: faults = [.surplus(at: time())]
        case .notFinite:
            let step = UInt32.random(in: 1...lastStep, using: &random)
            faults = [.notFinite(step: step, lane: Int.random(in: 0..<lanes, using: &random))]
        case .flip:
            faults =
                workers < 2
                ? [] : [.flip(worker: worker(), step: UInt32.random(in: 1...lastStep, using: &random))]
        case .stall: faults = [.stall(worker: worker(), at: time())]
        case .bulkLost: faults = [.bulkLost(worker: worker(), at: time())]
        case .crashAndStop: faults = [.crash(worker: worker(), at: time()), .stop(at: time())]
        }
    }
}
