import LockstepCluster
import LockstepCollectives
import LockstepCore
import LockstepTestSupport
import LockstepWireTestSupport
import Testing

@testable import LockstepRuntime

/// Real workers that train, feed and observe. At every freeze those that are fed must hold what their source holds, to the bit.
@Suite(.timeLimit(.minutes(Patience.minutesOfTest)), .ownThreads) struct FeedRunTests {
    /// Validations, judgements, a best state that is kept, vectors of an optimizer, and more steps than any test sees.
    private static let job = """
        model: [flatten, linear: 32, relu, drop: {dropout: 0.2}, linear: 10]
        loss: softmaxCrossEntropy
        optimizer: {adam: {learningRate: 0.001}}
        data:
          train: {glyphs: {count: 100}}
          validation: {split: 0.2}
        earlyStopping: {patience: 1000000, restoreBest: true}
        batchSize: 32
        lanes: 5
        epochs: 10000
        seed: 3
        """

    private let coordinator: ScriptedCoordinator
    private var generation: UInt32 = 0

    init() async throws { coordinator = try await ScriptedCoordinator(job: Self.job) }

    /// Begins a generation with these members, from the newest state that one of them holds.
    ///
    /// - Parameter holders: which members do not copy the state though they may hold it; nil for all that hold it.
    private func start(_ members: [WorkerAddress], from holdings: [String: Holding], holders: [String]? = nil) throws
        -> StatePoint
    {
        let holdings = holdings.filter { name, _ in members.contains { $0.name == name } }
        let start = try #require(
            holdings.filter { holders?.contains($0.key) ?? true }.values.max { $0.point < $1.point })
        let own = holdings.filter { $0.value == start }.keys
        let count = members.count
        let roster = Roster(
            generation: generation,
            members: members.enumerated().map { index, member in
                Roster.Member(
                    name: member.name, process: member.process, host: member.host, ports: member.ports,
                    lanes: 5 * index / count..<5 * (index + 1) / count)
            },
            start: start.point, stateHash: start.hash, wholeHash: start.wholeHash,
            holders: members.map(\.name).filter { (holders ?? Array(own)).contains($0) && own.contains($0) },
            exchange: ExchangeSettings())
        for member in members {
            try coordinator.say(.start(Start(roster: roster, traceContext: [])), to: member.name)
        }
        return start.point
    }

    /// Lets one feed another, and waits until that has caught up.
    ///
    /// - Returns: the step at which it had.
    private func feed(_ observer: WorkerAddress, from source: String) async throws -> UInt32 {
        try coordinator.say(.feed(Feed(observer: observer)), to: source)
        return try await caughtUp(observer.name, source)
    }

    private func caughtUp(_ observer: String, _ source: String) async throws -> UInt32 {
        try await coordinator.next(from: observer) { message in
            guard case .observing(let observing) = message, observing.isCaughtUp, observing.source == source else {
                return nil
            }
            return observing.point.step
        }
    }

    /// Freezes all. An observer must hold what its source holds; of two members one may be a step ahead.
    private mutating func freeze(
        _ names: [String], where observer: String? = nil, isFedBy source: String? = nil
    ) async throws -> [String: Holding] {
        generation += 1
        let freeze = Freeze(generation: generation, reachLimit: UInt64(Patience.minutes) * 60_000_000_000)
        for name in names { try coordinator.say(.freeze(freeze), to: name) }
        var holdings: [String: Holding] = [:]
        for name in names {
            holdings[name] = try await coordinator.next(from: name) { [generation] message -> Holding? in
                guard case .frozen(let frozen) = message, frozen.generation == generation else { return nil }
                return try #require(frozen.holding, "\(name) holds nothing")
            }
        }
        if let observer, let source { #expect(holdings[observer] == holdings[source]) }
        return holdings
    }

    /// Waits until a member has done so many steps more.
    private func steps(_ count: UInt32, of name: String, after step: UInt32) async throws {
        _ = try await coordinator.next(from: name) { message in
            if case .progress(let progress) = message, progress.reports.contains(where: { $0.step >= step + count }) {
                true
            } else {
                nil
            }
        }
    }

    /// A joiner becomes a member without a copy, an observer for a second time, a source, and goes on alone.
    @Test mutating func aStateGoesFromHandToHand() async throws {
        let w0 = try await coordinator.start("w0")
        let w1 = try await coordinator.start("w1")
        var holdings = try await freeze(["w0", "w1"])
        _ = try start([w0], from: holdings)
        let first = try await feed(w1, from: "w0")
        // Both hold it: nobody copies.
        holdings = try await freeze(["w0", "w1"], where: "w1", isFedBy: "w0")
        let joining = try start([w0, w1], from: holdings)
        #expect(joining.step >= first)
        try await steps(40, of: "w1", after: joining.step)
        // w1 is left out, and is fed again.
        holdings = try await freeze(["w0", "w1"])
        let together = try start([w0], from: holdings)
        #expect(together.step >= joining.step + 39)
        _ = try await feed(w1, from: "w0")
        // The source goes: its observer alone carries the run on, and feeds it in its turn.
        holdings = try await freeze(["w0", "w1"], where: "w1", isFedBy: "w0")
        let leaving = try start([w1], from: holdings)
        _ = try await feed(w0, from: "w1")
        holdings = try await freeze(["w1", "w0"], where: "w0", isFedBy: "w1")
        #expect(try #require(holdings["w0"]).point > leaving)
        try await coordinator.end()
    }

    /// Links that were made for a plan are there when it comes true, and are not missed where they could not be made, or where
    /// another generation begins.
    @Test mutating func linksAreMadeBeforeTheirGenerationBegins() async throws {
        let w0 = try await coordinator.start("w0")
        let w1 = try await coordinator.start("w1")
        let nowhere = WorkerAddress(name: "w0", process: w0.process, host: w0.host, ports: [1])
        for (planned, begun, isOther) in [(w0, nowhere, false), (nowhere, w0, false), (w0, w0, true)] {
            // The later one dials the other.
            let plan = PlannedChange(generation: generation + 1, members: [planned, w1], links: 1)
            try coordinator.say(.plan(plan), to: "w1")
            if isOther { _ = try await freeze(["w0", "w1"]) }
            let holdings = try await freeze(["w0", "w1"])
            let start = try start([begun, w1], from: holdings)
            try await steps(5, of: "w1", after: start.step)
        }
        try await coordinator.end()
    }

    /// A feed outlives the generations of its source, planned and not.
    @Test mutating func aFeedGoesOnOverGenerations() async throws {
        let w0 = try await coordinator.start("w0")
        let w1 = try await coordinator.start("w1")
        let w2 = try await coordinator.start("w2")
        var members = [w0, w1]
        var holdings = try await freeze(["w0", "w1", "w2"])
        _ = try start(members, from: holdings)
        _ = try await feed(w2, from: "w0")
        for round in 0..<6 {
            if round.isMultiple(of: 2) {
                // All members freeze after the same step, and then the observer with them.
                for member in members {
                    try coordinator.say(.plan(PlannedChange(generation: generation + 1)), to: member.name)
                }
                for member in members {
                    _ = try await coordinator.next(from: member.name) { message in
                        if case .frozen = message { true } else { nil }
                    }
                }
            }
            holdings = try await freeze(["w0", "w1", "w2"], where: "w2", isFedBy: "w0")
            members = round == 3 ? [w0] : [w0, w1]
            // After round 4 the source copies the state of another member, and the feed goes on.
            let start = try start(members, from: holdings, holders: round == 4 ? ["w1"] : nil)
            try await steps(10, of: "w0", after: start.step)
        }
        try await coordinator.end()
    }
}
