import LockstepCluster
import LockstepCollectives
import LockstepCore
import LockstepEngine
import LockstepTestSupport
import LockstepWire
import LockstepWireTestSupport
import Logging
import NIOCore
import Synchronization

@testable import LockstepRuntime

/// Members of a generation in this process, linked by TLS over the loopback interface, that sum vectors.
final class RailRig: Sendable {
    final class Member: Sendable {
        let index: Int
        let rails: RailGroup
        let exchange: RunningExchange
        /// Links that took the place of another.
        let renewals = Atomic(0)
        fileprivate let ends: AsyncStream<RunningExchange.End>

        init(index: Int, rails: RailGroup, exchange: RunningExchange, ends: AsyncStream<RunningExchange.End>) {
            self.index = index
            self.rails = rails
            self.exchange = exchange
            self.ends = ends
        }

        /// Waits until a turn is over.
        func end() async -> RunningExchange.End? {
            for await end in ends { return end }
            return nil
        }
    }

    let members: [Member]
    let plans: [ExchangePlan]
    let roster: Roster
    /// What members have lost, in their words.
    let losses: AsyncStream<String>
    /// Who has all of the state that it lacked.
    let staged: AsyncStream<(member: Int, state: StagedState)>

    /// - Parameters:
    ///   - lanes: of each member.
    ///   - rounds: turns of the exchange.
    ///   - holders: the members that hold the state; nil for all.
    init(
        lanes: [Range<Int>], elementCount: Int, settings: ExchangeSettings, rounds: Int,
        limits: LinkLimits = .patient, holders: [Int]? = nil
    ) async throws {
        let authority = try Authority(cluster: "test")
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let tree = LaneTree(laneCount: lanes.last?.upperBound ?? 0)
        let (linked, linkedContinuation) = AsyncStream.makeStream(of: Void.self)
        let (losses, lossesContinuation) = AsyncStream.makeStream(of: String.self)
        let (staged, stagedContinuation) = AsyncStream.makeStream(of: (member: Int, state: StagedState).self)
        let dialing = Mutex<(@Sendable (_ own: Int, _ rail: Int, _ member: Int, _ renewal: Int) -> Void)?>(nil)
        var groups: [RailGroup] = []
        var contexts: [TLSContexts] = []
        var members: [Roster.Member] = []
        for index in lanes.indices {
            let identity = WorkerIdentity(
                name: "w\(index)", process: ProcessNumber(UInt64(index + 1)), host: "here", processIdentifier: 1,
                version: "1", instructionSet: "generic", threads: 1)
            let group = RailGroup(count: settings.links, identity: identity) { event, rail in
                switch event {
                case .linked: linkedContinuation.yield()
                case .lost(let member, _, let reason): lossesContinuation.yield("w\(index) lost w\(member): \(reason)")
                case .renew(let member, _, let renewal): dialing.withLock { $0 }?(index, rail, member, renewal)
                case .staged(let state, _): stagedContinuation.yield((index, state))
                }
            }
            let context = try TLSContexts(authority.issue(role: .worker, name: identity.name))
            let addresses = try await group.listen(
                at: Endpoint(host: "127.0.0.1", port: 0), contexts: context, limits: limits, isClear: false,
                logger: logger)
            members.append(
                Roster.Member(
                    name: identity.name, process: identity.process, host: "127.0.0.1", ports: addresses.map(\.port),
                    lanes: lanes[index]))
            groups.append(group)
            contexts.append(context)
        }
        let roster = Roster(
            generation: 1, members: members, start: StatePoint(step: 0), stateHash: StateHash(high: 0, low: 0),
            holders: holders?.map { "w\($0)" }, exchange: settings)
        var made: [Member] = []
        var ownPlans: [ExchangePlan] = []
        for index in lanes.indices {
            groups[index].begin(roster, own: index, railCount: settings.links)
            let plans = try ExchangePlan.rails(
                tree: tree, lanes: lanes, ownIndex: index, elementCount: elementCount, sumCount: 1, settings: settings)
            let (ends, continuation) = AsyncStream.makeStream(of: RunningExchange.End.self)
            let exchange = RunningExchange(
                number: 1, plans: plans, memory: ExchangeMemory(plans: plans), rails: groups[index].rails,
                generation: 1, schedule: TurnSchedule(trialRounds: UInt32(rounds)), kernels: Kernels.best()
            ) { continuation.yield($0) }
            made.append(Member(index: index, rails: groups[index], exchange: exchange, ends: ends))
            ownPlans.append(plans[0])
        }
        self.members = made
        self.roster = roster
        self.losses = losses
        self.staged = staged
        plans = ownPlans
        let dial: @Sendable (Int, Int, Int, Int) async throws -> Void = {
            [groups, contexts] own, rail, member, renewal in
            let group = groups[own].rails[rail]
            try await DataLinkDialer(group: group.loop, contexts: contexts[own], limits: limits).connect(
                to: Endpoint(host: "127.0.0.1", port: roster.members[member].ports[rail]),
                greeting: LinkGreeting(
                    generation: 1, name: "w\(own)", process: roster.members[own].process, peerName: "w\(member)",
                    peerProcess: roster.members[member].process, rail: rail, renewal: renewal),
                timeout: .patience
            ) { _ in
                nil
            } receiver: { _ in
                try group.receiver(of: roster.members[member].address, generation: 1, renewal: renewal)
            }
        }
        dialing.withLock {
            $0 = { [made] own, rail, member, renewal in
                made[own].renewals.add(1, ordering: .relaxed)
                Task(executorPreference: OwnThreads.shared) { try? await dial(own, rail, member, renewal) }
            }
        }
        for own in lanes.indices {
            for member in 0..<own { for rail in 0..<settings.links { try await dial(own, rail, member, 0) } }
        }
        var missing = lanes.count * (lanes.count - 1) * settings.links
        if missing > 0 {
            for await _ in linked {
                missing -= 1
                if missing == 0 { break }
            }
        }
    }

    /// Ends everything.
    func close() async {
        for member in members { member.rails.close() }
        for member in members {
            await member.rails.stopListening()
            await member.rails.endLoops()
        }
    }

    /// What a member records: nothing of interest.
    func record(of member: Int) -> ControlRecord {
        ControlRecord(
            lanes: roster.members[member].lanes, sums: plans[member].ownRoots.map { _ in 0 }, sampleHash: 0,
            stateHash: StateHash(high: 0, low: 0))
    }

    /// Different in every round, part and place.
    static func value(_ part: Int, _ index: Int, _ round: Int) -> Float {
        Float((index &* 31 &+ part &* 7 &+ round) % 997) + 1 / Float(index % 13 + 1)
    }

    func fill(_ member: Int, round: Int) {
        let count = plans[member].buckets.elementCount
        for (root, part) in zip(members[member].exchange.memory.roots, plans[member].partNumbers[member]) {
            for index in 0..<count { root.pointer[index] = RailRig.value(part, index, round) }
        }
    }

    /// Whether a member's total is that of the canonical tree, to the bit.
    func isRight(_ member: Int, round: Int) -> Bool {
        let plan = plans[member]
        let additions = plan.tree.additions(of: plan.parts.map(\.node), to: plan.tree.root) ?? []
        let total = members[member].exchange.memory.total.pointer
        var values = plan.parts.map { _ in Float(0) }
        for index in 0..<plan.buckets.elementCount {
            for part in values.indices { values[part] = RailRig.value(part, index, round) }
            for addition in additions { values[addition.into] += values[addition.from] }
            if total[index].bitPattern != values[0].bitPattern { return false }
        }
        return true
    }
}
