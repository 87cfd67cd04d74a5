package import LockstepCluster
package import LockstepCollectives
package import LockstepTestSupport

/// A cluster, what it trains, and what befalls it, drawn from a seed.
package struct Scenario {
    package struct Options: Sendable {
        /// States are damaged too.
        package var flips = false
        /// All deadlines of coordinator and workers, in nanoseconds.
        package var deadline: UInt64?
        /// Only these kinds of faults.
        package var only: [Menu]?
        /// All workers are needed, whatever their number.
        package var needsAll = false
        package var rules = ProtocolRules()

        package init() {}
    }

    package let seed: UInt64
    package let job: SimulatedJob
    package let workers: Int
    package let minWorkers: Int
    /// Observers that are kept ready.
    package let spares: Int
    /// Whether a launcher on the coordinator's host owns the workers.
    package let hasLauncher: Bool
    /// Of ten shares so many find an earlier one on its way, and are left out.
    let skippedShares: UInt64
    let snapshotBacklog: Int
    /// In every step whose number is a multiple of this a lane is computed twice; 0 for never.
    let auditEverySteps: UInt32
    /// Frames that may wait at the source of a feed; a copy has seven.
    let feedCapacity: Int
    /// After a feed has overflowed, doubling.
    let feedPause: UInt64
    /// A worker that is left out asks again after this, doubling.
    let exclusion: UInt64
    /// For dialling an observer.
    let feedPatience: UInt64
    /// Floats in the flat gradient as the coordinator knows it; 0 where nothing is measured.
    let elementCount: Int
    /// Floats that are summed indeed.
    let gradient: Int
    let settings: ExchangeSettings
    let wish: ExchangeWish
    /// Durations in nanoseconds.
    let slowestWrite: UInt64
    let network: ClosedRange<UInt64>
    let sending: ClosedRange<UInt64>
    let computing: ClosedRange<UInt64>
    let fsync: ClosedRange<UInt64>
    /// Until a process that ended is started again.
    let restart: ClosedRange<UInt64>
    let dialPatience: UInt64
    /// Until a process that was asked to leave is killed.
    let patienceWithLeavers: UInt64
    /// Until somebody sees that a process hangs, and kills it.
    let patienceWithHung: ClosedRange<UInt64>
    let deadline: UInt64?
    let rules: ProtocolRules
    /// What befalls it, in the order of steps.
    package var faults: [Fault]

    package init(seed: UInt64, options: Options = Options()) {
        self.seed = seed
        var random = SeededGenerator(seed: seed)
        let job = SimulatedJob(steps: 8...45, using: &random)
        self.job = job
        workers = Int.random(in: 1...min(5, job.lanes), using: &random)
        let needed = Int.random(in: 0..<4, using: &random) == 0 ? Int.random(in: 1...workers, using: &random) : 1
        minWorkers = options.needsAll ? workers : needed
        hasLauncher = Int.random(in: 0..<4, using: &random) == 0
        spares = Bool.random(using: &random) ? 0 : Int.random(in: 1...2, using: &random)
        feedCapacity = [10, 16, 28, 200].randomElement(using: &random) ?? 28
        exclusion = [1_000_000_000, 10_000_000_000].randomElement(using: &random) ?? 10_000_000_000
        feedPatience = options.deadline ?? 5_000_000_000
        auditEverySteps = [0, 0, 1, 3].randomElement(using: &random) ?? 0
        feedPause = [10_000_000, 200_000_000, 1_000_000_000].randomElement(using: &random) ?? 1_000_000_000
        skippedShares = Bool.random(using: &random) ? 0 : UInt64.random(in: 1...5, using: &random)
        snapshotBacklog = [1, 2, 100].randomElement(using: &random) ?? 1
        slowestWrite = [5_000_000, 50_000_000, 500_000_000].randomElement(using: &random) ?? 5_000_000
        elementCount = [0, 1_000, 100_000, 2_000_000].randomElement(using: &random) ?? 0
        let blocks = Int.random(in: 1...4, using: &random)
        gradient = blocks * Buckets.alignment
        let cuts = (1..<blocks).filter { _ in Bool.random(using: &random) }
        settings = ExchangeSettings(
            bucketBoundaries: cuts.map { $0 * Buckets.alignment },
            oneHopBytes: [0, 64, 4096].randomElement(using: &random) ?? 0, chunkBytes: 64)
        wish = ExchangeWish(
            links: Int.random(in: 0..<4, using: &random) == 0 ? 2 : nil,
            bucketBytes: Int.random(in: 0..<4, using: &random) == 0 ? 65_536 : nil)
        let isHasty = options.deadline != nil
        let networks: [ClosedRange<UInt64>] =
            isHasty
            ? [50_000...1_000_000, 100_000...10_000_000, 1_000_000...20_000_000]
            : [50_000...500_000, 100_000...20_000_000, 100_000...100_000_000]
        network = networks.randomElement(using: &random) ?? networks[0]
        sending = 0...([10_000, 2_000_000].randomElement(using: &random) ?? 0)
        let computings: [ClosedRange<UInt64>] = [
            100_000...1_000_000, 1_000_000...30_000_000, 1_000_000...30_000_000, 1_000_000...300_000_000,
            1_000_000...300_000_000, 100_000_000...3_000_000_000, 1_000_000_000...10_000_000_000,
        ]
        // No deadline of 50 ms is ever long enough for seconds.
        computing = (isHasty ? computings.dropLast(2) : computings[...]).randomElement(using: &random) ?? computings[0]
        fsync = 50_000...([200_000, 10_000_000, 200_000_000].randomElement(using: &random) ?? 200_000)
        let restarts: [ClosedRange<UInt64>] = [
            250_000_000...500_000_000, 250_000_000...3_000_000_000, 1_000_000_000...20_000_000_000,
        ]
        restart = restarts.randomElement(using: &random) ?? restarts[0]
        dialPatience = options.deadline ?? 20_000_000_000
        patienceWithLeavers = seed % 2 == 0 ? 60_000_000_000 : 600_000_000_000
        patienceWithHung =
            seed % 3 == 0 ? 1_500_000_000_000...3_000_000_000_000 : 150_000_000_000...300_000_000_000
        deadline = options.deadline
        rules = options.rules
        faults = []
        faults = drawFaults(options, &random)
    }

    // MARK: Faults

    /// Kinds of faults. A seed enables some of them.
    package enum Menu: String, CaseIterable, Sendable {
        case kill, stop, hang, cutLink, cutControl, cutBulk, block, partition, isolate, slow, join, leave, drain
        case duplicate, killCoordinator, undead, stopCoordinator, slowDisk, brokenJournal, fullDisk, stopRun
        case staleShares, misjudge, wrongSums, unable, notFinite, flip
        case miscompute, killSource, killObserver, stopObserver, cutFeed, renewFeed, slowObserver

        /// Faults that end the attempt, or take part in few of them.
        var isRare: Bool {
            switch self {
            case .stopRun, .brokenJournal, .wrongSums, .unable, .notFinite, .misjudge, .staleShares: true
            default: false
            }
        }

        /// Faults for which there is somebody at nearly any time.
        var nearlyAlwaysStrikes: Bool {
            switch self {
            case .kill, .block, .partition, .isolate, .slow, .slowDisk, .fullDisk, .killCoordinator, .cutControl: true
            default: false
            }
        }
    }

    /// At least so many strike in a run.
    package static let fewestFaults = 20

    private func drawFaults(_ options: Options, _ random: inout SeededGenerator) -> [Fault] {
        var menu =
            options.only
            ?? Menu.allCases.filter { kind in
                if kind == .flip { return options.flips }
                if kind == .misjudge, !options.flips { return false }
                return Int.random(in: 0..<(kind.isRare ? 10 : 2), using: &random) == 0
            }
        if menu.isEmpty { menu = [.kill] }
        let count = Int.random(in: 30...42, using: &random)
        // Where they come early, the rest of the run is quiet.
        let lastFaultyStep = Int.random(in: 0..<4, using: &random) == 0 ? job.end.step / 3 : job.end.step
        let gap = [1_000_000, 30_000_000, 1_000_000_000].randomElement(using: &random) ?? 0
        var faults: [Fault] = options.only == nil ? drawReserve(menu, upTo: lastFaultyStep) : []
        for _ in 0..<count {
            guard let kind = menu.randomElement(using: &random), let fault = draw(kind, &random) else { continue }
            // One in a run is enough, and none where it is not asked for.
            if kind.isRare, kind != .stopRun {
                menu.removeAll { $0 == kind }
                if menu.isEmpty { menu = [.kill] }
            }
            let step = UInt32.random(in: 0...lastFaultyStep, using: &random)
            let point = Bool.random(using: &random) ? Fault.Point.allCases.randomElement(using: &random) : nil
            faults.append(
                Fault(kind: fault, step: step, point: point, delay: UInt64.random(in: 0...UInt64(gap), using: &random)))
        }
        return faults.enumerated().sorted { ($0.element.step, $0.offset) < ($1.element.step, $1.offset) }.map(\.element)
    }

    /// Faults that find somebody nearly always, spread over the run, for those of the others that find nobody; at last such
    /// as find somebody even where all workers have been killed.
    private func drawReserve(_ menu: [Menu], upTo lastStep: UInt32) -> [Fault] {
        var random = SeededGenerator(seed: ~seed)
        let kinds = menu.filter(\.nearlyAlwaysStrikes)
        let few = 1...Scenario.fewestFaults
        let drawn = few.map { ($0, kinds.randomElement(using: &random) ?? .kill) }
        let last = few.map { _ in (Scenario.fewestFaults, Menu.slow) }
        return (drawn + last).compactMap { number, kind in
            let step = lastStep * UInt32(number) / UInt32(Scenario.fewestFaults + 1)
            return draw(kind, &random).map { Fault(kind: $0, step: step, point: nil, delay: 0, enough: number) }
        }
    }

    private func draw(_ kind: Menu, _ random: inout SeededGenerator) -> Fault.Kind? {
        let worker = Int.random(in: 0..<8, using: &random)
        let host = Int.random(in: 0...workers, using: &random)
        let other = (host + Int.random(in: 1...max(1, workers), using: &random)) % (workers + 1)
        let duration = UInt64.random(
            in: 10_000_000...([500_000_000, 5_000_000_000, 20_000_000_000].randomElement(using: &random) ?? 0),
            using: &random)
        switch kind {
        case .kill: return .kill(worker: worker)
        case .stop: return .stop(worker: worker, duration)
        case .hang: return .hang(worker: worker)
        case .cutLink: return .cutLink(worker, worker + 1 + other)
        case .cutControl: return .cutControl(worker: worker)
        case .cutBulk: return .cutBulk(worker: worker)
        case .block: return .block(from: host, to: other, duration)
        case .partition: return .partition(host, other, duration)
        case .isolate: return .isolate(host: host, duration)
        case .slow:
            return .slow(host: host, delay: UInt64.random(in: 1_000_000...300_000_000, using: &random), duration)
        case .join: return .join
        case .leave: return .leave(worker: worker)
        case .drain: return .drain(worker: worker)
        case .duplicate: return .duplicate(worker: worker)
        case .killCoordinator: return .killCoordinator(after: Int.random(in: 0...6, using: &random))
        case .undead: return hasLauncher ? nil : .undead(duration)
        case .stopCoordinator: return .stopCoordinator(duration)
        case .slowDisk: return .slowDisk(duration)
        case .brokenJournal: return .brokenJournal
        case .fullDisk: return .fullDisk(duration)
        case .stopRun: return .stopRun
        case .miscompute: return .miscompute(worker: worker, times: [1, 1, 1000].randomElement(using: &random) ?? 1)
        case .killSource: return .killSource(worker)
        case .killObserver: return .killObserver(worker)
        case .stopObserver: return .stopObserver(worker, duration)
        case .cutFeed: return .cutFeed(worker)
        case .renewFeed: return .renewFeed(worker)
        case .slowObserver:
            return .slowObserver(worker, time: UInt64.random(in: 10_000_000...500_000_000, using: &random), duration)
        case .staleShares: return .staleShares(worker: worker)
        case .misjudge: return .misjudge(worker: worker)
        case .wrongSums: return .wrongSums(worker: worker)
        case .unable: return .unable(worker: worker)
        case .notFinite:
            return .notFinite(
                step: UInt32.random(in: 1...job.lastStep, using: &random),
                lane: Int.random(in: 0..<job.lanes, using: &random))
        case .flip: return .flip(worker: worker, piece: Int.random(in: 0..<SimulatedState.pieces, using: &random))
        }
    }

    // MARK: Times

    /// Pauses from 0.1 s doubling to 2 s.
    func redialPause(_ attempts: Int) -> UInt64 { min(2_000_000_000, 100_000_000 << UInt64(min(attempts, 5) - 1)) }

    func shorten(_ timing: inout WorkerCore.Timing) {
        #if LOCKSTEP_FAILPOINTS
        guard let deadline else { return }
        timing.shorten(to: deadline)
        // It does not grow while nothing is decided, and a coordinator may be with its disk for 0.2 s.
        timing.silence = 20 * deadline
        #endif
    }

    func shorten(_ timing: inout CoordinatorConfiguration.Timing) {
        timing.exclusion = exclusion
        #if LOCKSTEP_FAILPOINTS
        if let deadline { timing.shorten(to: deadline) }
        #endif
    }
}
