import LockstepCollectives
import LockstepCore
import LockstepTestSupport

/// The steps of a cluster in simulated time: the real exchange cores of all workers and rails, and a model of what loops,
/// interfaces and the switch between them cost. Nothing is left to chance, and no float is added.
///
/// A loop does one thing at a time, flushes and reads by turns. An interface sends to all links by turns and sends while
/// it receives. Nothing is lost on the way, and no buffer of the network is ever full.
struct ScalingSimulation {
    /// What a worker does in a step beside the exchange.
    struct Work {
        var steps = 1
        /// Seconds of the computation of worker and step (from 0).
        var computation: (_ worker: Int, _ step: Int) -> Double = { _, _ in 0 }
        /// For each bucket the part of the computation after which it is complete; all at the end where it is empty.
        var readiness: [Double] = []
        /// Seconds from the end of the exchange to the next step.
        var update = 0.0
    }

    /// A deliberately wrong model. The laws must notice each of them.
    enum Flaw: CaseIterable {
        case none
        /// Interfaces carry half of the bytes for nothing.
        case halfTheBytes
        case noLatency
        /// Receiving costs the loops nothing.
        case freeReads
        case boundlessSwitch
        /// All compute as fast as the first.
        case noStragglers
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    enum Event {
        case begin(worker: Int)
        case task(loop: Int, Task)
        case coreFree(core: Int, loop: Int, Done)
        case leftInterface(worker: Int, flow: Int, bytes: Int)
        case reachedInterface(from: Int, flow: Int, bytes: Int)
        case arrived(from: Int, flow: Int, bytes: Int)
        case finished(worker: Int)
    }

    /// What a loop has to do.
    enum Task {
        case begin(Turn)
        case bucket(Int)
        case record
        case flush(peer: Int)
        case read(peer: Int)
    }

    /// What a loop has done, and its effects.
    enum Done {
        case call(Task)
        case flushed(peer: Int, bytes: Int)
        case wasRead(peer: Int, bytes: Int)
    }

    struct Loop {
        var exchange: Exchange
        let core: Int
    }

    struct Core {
        var tasks = Fifo<(loop: Int, task: Task)>()
        var isBusy = false
        /// Seconds of additions that the next task is late by.
        var debt = 0.0
    }

    /// The sending side of an interface, and since when the receiving side is free.
    struct Interface {
        var flows = Fifo<Int>()
        var isSending = false
        var receivingUntil: UInt64 = 0
    }

    struct Worker {
        var step = 0
        var railsLeft = 0
        /// When each step was over.
        var ends: [Double] = []
    }

    let model: ClusterModel
    let settings: ExchangeSettings
    let workers: Int
    let work: Work
    let flaw: Flaw
    /// Bytes of gradients, records and headers that a worker sends in a step at most.
    private(set) var bytesPerStep = 0
    private let tree: LaneTree
    var events = EventQueue<Event>()
    var now: UInt64 = 0
    var loops: [Loop] = []
    var cores: [Core]
    /// At `loop * workers + peer` what the loop sends to that peer.
    var links: [ScalingLink]
    /// At `worker` the bytes of each flow (`rail * workers + peer`) that wait at the interface.
    var flows: [[Int]]
    var interfaces: [Interface]
    var switchUntil: UInt64 = 0
    var states: [Worker]

    /// - Parameter parameters: floats in the flat gradient.
    init(
        _ model: ClusterModel, workers: Int, parameters: Int, settings: ExchangeSettings = ExchangeSettings(),
        work: Work = Work(), flaw: Flaw = .none
    ) throws {
        self.model = model
        self.settings = settings
        self.workers = workers
        self.work = work
        self.flaw = flaw
        // One root each, so that no worker sends more than another.
        tree = LaneTree(laneCount: workers)
        let lanes = (0..<workers).map { $0..<$0 + 1 }
        let schedule = TurnSchedule(stepsDone: 0, lastStep: UInt32(work.steps), evaluationBatches: 0)
        cores = Array(repeating: Core(), count: model.sharedCores ?? workers * settings.links)
        links = Array(repeating: ScalingLink(), count: workers * settings.links * workers)
        flows = Array(repeating: Array(repeating: 0, count: settings.links * workers), count: workers)
        interfaces = Array(repeating: Interface(), count: workers)
        states = Array(repeating: Worker(), count: workers)
        for worker in 0..<workers {
            let plans = try ExchangePlan.rails(
                tree: tree, lanes: lanes, ownIndex: worker, elementCount: parameters, sumCount: 3, settings: settings)
            for plan in plans {
                let core = loops.count % cores.count
                loops.append(Loop(exchange: Exchange(plan: plan, generation: 1, schedule: schedule), core: core))
            }
            let frames = plans.reduce(0) { $0 + $1.gradientFramesPerStep } + workers - 1
            let gradients = plans.reduce(0) { $0 + $1.gradientBytesPerStep }
            let records = (workers - 1) * plans[0].recordBytes(of: worker)
            bytesPerStep = max(bytesPerStep, gradients + records + frames * FrameHeader.byteCount)
        }
    }

    /// When the last worker had finished each step, in seconds.
    ///
    /// - Throws: `Failure` when nothing moves any more, or `ExchangeFault`.
    mutating func run() throws -> [Double] {
        for worker in 0..<workers { events.add(.begin(worker: worker), at: 0) }
        while let (time, event) = events.next() {
            now = time
            try handle(event)
        }
        guard states.allSatisfy({ $0.ends.count == work.steps }) else {
            throw Failure(description: "the workers stand still: \(states.map(\.ends.count))")
        }
        return (0..<work.steps).map { step in states.reduce(0) { max($0, $1.ends[step]) } }
    }

    /// Seconds of one all-reduce of a vector that all have ready at once.
    static func allReduce(
        _ model: ClusterModel, workers: Int, bytes: Int, settings: ExchangeSettings, flaw: Flaw = .none
    ) throws -> Double {
        var simulation = try ScalingSimulation(
            model, workers: workers, parameters: bytes / 4, settings: settings, flaw: flaw)
        return try simulation.run()[0]
    }

    static func ticks(_ seconds: Double) -> UInt64 { UInt64((seconds * 1e12).rounded()) }

    // MARK: Steps

    private mutating func handle(_ event: Event) throws {
        switch event {
        case .begin(let worker): begin(worker)
        case .task(let loop, let task): enqueue(task, of: loop)
        case .coreFree(let core, let loop, let done):
            try finish(done, of: loop)
            cores[core].isBusy = false
            startNext(on: core)
        case .leftInterface(let worker, let flow, let bytes): left(worker, flow, bytes)
        case .reachedInterface(let worker, let flow, let bytes): reached(worker, flow, bytes)
        case .arrived(let worker, let flow, let bytes): arrived(worker, flow, bytes)
        case .finished(let worker): railFinished(worker)
        }
    }

    private mutating func begin(_ worker: Int) {
        let turn = Turn(.train, step: UInt32(states[worker].step + 1))
        let seconds = work.computation(flaw == .noStragglers ? 0 : worker, states[worker].step)
        states[worker].railsLeft = settings.links
        let buckets = settings.bucketBoundaries.count + 1
        for rail in 0..<settings.links {
            let loop = worker * settings.links + rail
            enqueue(.begin(turn), of: loop)
            for bucket in 0..<buckets {
                let part = work.readiness.isEmpty ? 1 : work.readiness[bucket]
                events.add(.task(loop: loop, .bucket(bucket)), at: now + ScalingSimulation.ticks(part * seconds))
            }
            if rail == 0 { events.add(.task(loop: loop, .record), at: now + ScalingSimulation.ticks(seconds)) }
        }
    }

    private mutating func railFinished(_ worker: Int) {
        states[worker].railsLeft -= 1
        guard states[worker].railsLeft == 0 else { return }
        states[worker].ends.append(Double(now) / 1e12)
        states[worker].step += 1
        guard states[worker].step < work.steps else { return }
        events.add(.begin(worker: worker), at: now + ScalingSimulation.ticks(work.update))
    }

    mutating func record(of loop: Int) -> ControlRecord {
        let plan = loops[loop].exchange.plan
        return ControlRecord(
            lanes: plan.lanes[plan.ownIndex], sums: Array(repeating: 0, count: plan.ownRoots.count * plan.sumCount),
            sampleHash: 0, stateHash: StateHash(high: 0, low: 0))
    }
}
