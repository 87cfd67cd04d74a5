import LockstepCluster
import LockstepCore

/// A coordinator, and workers whose every word the test says itself.
struct Conversation {
    var core: CoordinatorCore
    var now: UInt64 = 1_000_000_000
    let hash = StateHash(high: 1, low: 2)
    static let digest = DigestBuilder.digest(of: [1])

    init(workers: Int, lanes: Int = 8, _ change: (inout CoordinatorConfiguration) -> Void = { _ in }) {
        let welcome = Welcome(
            runIdentifier: "run", incarnation: 1, clusterName: "demo", job: "{}", files: [], traceContext: [])
        var configuration = CoordinatorConfiguration(
            workers: workers, laneCount: lanes, version: "1", welcome: welcome)
        change(&configuration)
        core = CoordinatorCore(configuration)
    }

    mutating func event(_ event: CoordinatorEvent) -> [CoordinatorAction] { core.handle(event, at: now) }

    mutating func say(_ connection: Int, _ message: ControlMessage) -> [CoordinatorAction] {
        event(.message(ConnectionNumber(connection), message))
    }

    mutating func hello(
        _ name: String, _ connection: Int, process: UInt64? = nil, purpose: Hello.Purpose = .control,
        certificate: String? = nil, running: UInt32 = 0, promised: UInt32 = 0, version: String = "1",
        host: String? = nil, threads: Int = 1, cores: Int = 1, hasOwnCores: Bool = false, isPrepared: Bool = false
    ) -> [CoordinatorAction] {
        let hello = Hello(
            name: name, process: ProcessNumber(process ?? UInt64(connection)), host: host ?? "host-of-\(name)",
            processIdentifier: 100 + Int32(connection), purpose: purpose, running: running,
            promised: max(running, promised), version: version, instructionSet: "avx2", threads: threads, cores: cores,
            hasOwnCores: hasOwnCores, isPrepared: isPrepared)
        return event(.helloReceived(ConnectionNumber(connection), authenticatedName: certificate ?? name, hello))
    }

    /// Control connection `connection`, and bulk connection 100 + `connection`.
    mutating func join(_ name: String, _ connection: Int, promised: UInt32 = 0) {
        _ = hello(name, connection, promised: promised)
        _ = hello(name, 100 + connection, process: UInt64(connection), purpose: .bulk)
    }

    mutating func prepared(
        _ connection: Int, digest: String = "d", probe: UInt64 = 5, hash: StateHash? = nil, step: UInt32 = 0,
        host: String = "h", ports: [Int] = [1]
    ) -> [CoordinatorAction] {
        let hash = hash ?? self.hash
        let holding = Holding(point: StatePoint(step: step), hash: hash, wholeHash: hash)
        return say(
            connection,
            .prepared(
                Prepared(
                    planDigest: digest, probe: StateHash(high: probe, low: 0), holding: holding, host: host,
                    ports: ports)))
    }

    /// S(step) of an undamaged run, from step 1 on.
    static func hash(_ step: UInt32) -> StateHash { StateHash(high: 9, low: UInt64(step)) }

    static func frozen(
        _ generation: UInt32, _ step: UInt32, isBest: Bool = false, hash: StateHash? = nil, outOfReach: [String] = []
    ) -> Frozen {
        let hash = hash ?? Conversation.hash(step)
        return Frozen(
            generation: generation, holding: Holding(point: StatePoint(step: step), hash: hash, wholeHash: hash),
            isBest: isBest, outOfReach: outOfReach)
    }

    mutating func frozen(
        _ connection: Int, _ generation: UInt32, _ step: UInt32, hash: StateHash? = nil, outOfReach: [String] = []
    ) -> [CoordinatorAction] {
        say(connection, .frozen(Conversation.frozen(generation, step, hash: hash, outOfReach: outOfReach)))
    }

    static func reports(_ steps: ClosedRange<UInt32>, of generation: UInt32 = 1) -> [StepReport] {
        steps.map { step in
            var report = StepReport(
                step: step, epoch: 1, loss: 1, metrics: [], learningRate: 1, samples: 1, seconds: 1)
            report.generation = generation
            return report
        }
    }

    mutating func progress(
        _ connection: Int, _ generation: UInt32, _ steps: ClosedRange<UInt32>, _ stage: Stage = .forward
    ) -> [CoordinatorAction] {
        say(
            connection,
            .progress(
                Progress(
                    generation: generation, step: steps.upperBound + 1, stage: stage,
                    reports: Conversation.reports(steps, of: generation))))
    }

    mutating func linked(_ connections: [Int], _ generation: UInt32) -> [CoordinatorAction] {
        connections.flatMap { say($0, .linked(generation: generation)) }
    }

    mutating func closed(_ connection: Int) -> [CoordinatorAction] {
        event(.closed(ConnectionNumber(connection), reason: "reset"))
    }

    /// Workers w0, w1, … on connections 0, 1, … that run generation 1.
    static func running(
        _ workers: Int, lanes: Int = 8, _ change: (inout CoordinatorConfiguration) -> Void = { _ in }
    ) -> Conversation {
        var conversation = Conversation(workers: workers, lanes: lanes, change)
        for index in 0..<workers { conversation.join("w\(index)", index) }
        for index in 0..<workers { _ = conversation.prepared(index) }
        for index in 0..<workers { _ = conversation.say(index, .linked(generation: 1)) }
        return conversation
    }

    /// The pong of each worker, every second, until the run ends or `seconds` have passed.
    mutating func live(_ seconds: Int, _ pongs: [Int: Pong]) -> [CoordinatorAction] {
        for _ in 0..<seconds where core.mode != .ended {
            now += 1_000_000_000
            for (connection, pong) in pongs.sorted(by: { $0.key < $1.key }) { _ = say(connection, .pong(pong)) }
            let actions = event(.tick)
            if core.mode == .ended { return actions }
        }
        return []
    }

    /// Ticks at the deadlines that the core names, until something other than pings happens.
    mutating func wait() -> [CoordinatorAction] {
        for _ in 0..<10_000 {
            guard let deadline = core.nextDeadline else { break }
            now = max(now, deadline)
            let actions = event(.tick)
            if actions.contains(where: { if case .send(_, .ping) = $0 { false } else { true } }) { return actions }
        }
        return []
    }
}

extension [CoordinatorAction] {
    var verdict: Verdict? {
        compactMap { if case .fail(let verdict) = $0 { verdict } else { nil } }.first
    }

    var result: RunResult? {
        compactMap { if case .finish(let result) = $0 { result } else { nil } }.first
    }

    /// The START of each connection.
    var starts: [Int: Start] {
        reduce(into: [:]) {
            if case .send(let connection, .start(let start)) = $1 { $0[connection.rawValue] = start }
        }
    }

    var freezes: [Int: UInt32] {
        reduce(into: [:]) {
            if case .send(let connection, .freeze(let freeze)) = $1 { $0[connection.rawValue] = freeze.generation }
        }
    }

    var changes: [Int: PlannedChange] {
        reduce(into: [:]) {
            if case .send(let connection, .plan(let change)) = $1 { $0[connection.rawValue] = change }
        }
    }

    var plans: [Int: UInt32] { changes.mapValues(\.generation) }

    var fetches: [Int: [Fetch]] {
        reduce(into: [:]) {
            if case .send(let connection, .fetch(let fetch)) = $1 { $0[connection.rawValue, default: []].append(fetch) }
        }
    }

    var closes: [Int] {
        compactMap { if case .close(let connection, _) = $0 { connection.rawValue } else { nil } }
    }

    var warnings: [String] {
        compactMap { if case .log(.warning, let text, _) = $0 { text } else { nil } }
    }

    var incidents: [Incident] {
        compactMap { if case .incident(let incident) = $0 { incident } else { nil } }
    }

    var refusal: String? {
        compactMap { if case .refuse(_, let reason) = $0 { reason } else { nil } }.first
    }

    var releases: [Int: ExitCode] {
        reduce(into: [:]) {
            if case .send(let connection, .release(let release)) = $1 { $0[connection.rawValue] = release.exitCode }
        }
    }
}
