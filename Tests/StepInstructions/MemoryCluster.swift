internal import LockstepCluster
internal import LockstepCollectives
internal import LockstepCore
internal import LockstepEngine
internal import LockstepJobs

/// A coordinator and its workers in one thread: the real cores, exchanges and executors, over links that are copies in memory.
struct MemoryCluster {
    /// What is on its way, in order.
    private enum Event {
        case atCoordinator(CoordinatorEvent)
        case atWorker(Int, WorkerEvent)
        case frame(from: Int, to: Int, FrameHeader, [UInt8])
    }

    private let job: ResolvedJob
    private let lastStep: UInt32
    private var coordinator: CoordinatorCore
    private var workers: [MemoryWorker]
    private var events: [Event] = []
    private var now: UInt64 = 1
    private(set) var reported: UInt32 = 0
    private(set) var failure: String?

    /// The time that a turn is said to take.
    private static let turnNanoseconds: UInt64 = 5_000_000

    init(job: ResolvedJob, workers count: Int, steps: Int) throws {
        self.job = job
        lastStep = UInt32(steps)
        let welcome = Welcome(
            runIdentifier: "r", incarnation: 1, clusterName: "c", job: "", files: [], traceContext: [])
        coordinator = CoordinatorCore(
            CoordinatorConfiguration(
                workers: count, laneCount: job.laneTree.laneCount, elementCount: job.plan.layout.count,
                exchange: ExchangeWish(links: 1, bucketBytes: 1 << 30), version: "1", welcome: welcome))
        workers = try (0..<count).map { try MemoryWorker(number: $0, job: job, steps: UInt32(steps)) }
    }

    /// Runs until all steps are reported, or something goes wrong.
    mutating func run() throws {
        for index in workers.indices { try atWorker(index, .connected(ConnectionNumber(index))) }
        for index in workers.indices {
            events.append(
                .atCoordinator(
                    .helloReceived(
                        ConnectionNumber(index), authenticatedName: workers[index].identity.name,
                        workers[index].identity.hello(.control))))
        }
        while reported < lastStep, failure == nil {
            if let deadline = coordinator.nextDeadline, deadline <= now { try atCoordinator(.tick) }
            for index in workers.indices {
                if let deadline = workers[index].core.nextDeadline, deadline <= now { try atWorker(index, .tick) }
            }
            if events.isEmpty {
                now += 1_000_000
                continue
            }
            let batch = events
            events.removeAll(keepingCapacity: true)
            for event in batch {
                switch event {
                case .atCoordinator(let event): try atCoordinator(event)
                case .atWorker(let index, let event): try atWorker(index, event)
                case .frame(let from, let to, let header, let payload):
                    if try !workers[to].receive(header, payload, from: from) {
                        events.append(.frame(from: from, to: to, header, payload))
                    }
                    try carryOut(to)
                }
            }
        }
    }

    private mutating func atCoordinator(_ event: CoordinatorEvent) throws {
        for action in coordinator.handle(event, at: now) {
            switch action {
            case .send(let connection, let message):
                events.append(.atWorker(connection.rawValue, .message(connection, message)))
            case .report(let reports): reported = reports.last?.step ?? reported
            case .fail(let verdict): failure = verdict.message
            case .refuse(_, let reason), .close(_, let reason): failure = reason
            default: break
            }
        }
    }

    private mutating func atWorker(_ index: Int, _ event: WorkerEvent) throws {
        var pending = [event]
        while !pending.isEmpty {
            for action in workers[index].core.handle(pending.removeFirst(), at: now) {
                switch action {
                case .send(let connection, let message):
                    if case .hello = message { continue }
                    if case .prepared = message {
                        let hello = workers[index].identity.hello(.bulk)
                        events.append(
                            .atCoordinator(
                                .helloReceived(
                                    ConnectionNumber(100 + index), authenticatedName: hello.name, hello)))
                    }
                    events.append(.atCoordinator(.message(connection, message)))
                case .link(let start):
                    try workers[index].begin(start)
                    for peer in start.roster.members where peer.name != workers[index].identity.name {
                        events.append(
                            .atWorker(index, .linked(peer: peer.name, generation: start.roster.generation)))
                    }
                case .begin(let turn, _):
                    if index == 0 { now += MemoryCluster.turnNanoseconds }
                    if let answer = workers[index].compute(turn) { pending.append(answer) }
                case .exit(_, let reason): failure = reason
                default:
                    if let answer = workers[index].perform(action) { pending.append(answer) }
                }
            }
            try carryOut(index)
        }
    }

    private mutating func carryOut(_ index: Int) throws {
        let (frames, answers) = try workers[index].carryOut()
        for frame in frames { events.append(.frame(from: index, to: frame.to, frame.header, frame.payload)) }
        for answer in answers { events.append(.atWorker(index, answer)) }
    }
}
