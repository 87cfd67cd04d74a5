import LockstepCollectives
import LockstepTestSupport
import LockstepWire
import LockstepWireTestSupport
import Synchronization
import Testing

@testable import LockstepRuntime

/// Exchanges over real links: rails, overlap and renewal, against sums in tree order.
@Suite(.timeLimit(.minutes(Patience.minutesOfTest)), .ownThreads) struct RailExchangeTests {
    struct Setting: Sendable, CustomTestStringConvertible {
        let lanes: [Range<Int>]
        let settings: ExchangeSettings
        var limits = LinkLimits.patient

        var testDescription: String {
            "\(lanes.count) members, \(settings.links) links, \(settings.bucketBoundaries.count + 1) buckets"
        }
    }

    private static let elementCount = 16 * 100 + 5
    private static let rounds = 12

    static let settings = [
        // A pair of one root each: one hop, added on arrival.
        Setting(lanes: [0..<1, 1..<2], settings: ExchangeSettings(oneHopBytes: 0, chunkBytes: 1024)),
        Setting(
            lanes: [0..<2, 2..<5],
            settings: ExchangeSettings(
                bucketBoundaries: [16, 400, 1200], oneHopBytes: 1024, chunkBytes: 512, links: 2)),
        Setting(
            lanes: [0..<3, 3..<4, 4..<6],
            settings: ExchangeSettings(
                bucketBoundaries: [800], oneHopBytes: 0, chunkBytes: 256, links: 3, staysAwake: true)),
        // The whole gradient with the record.
        Setting(lanes: [0..<1, 1..<2, 2..<3], settings: ExchangeSettings(oneHopBytes: 1 << 20)),
    ]

    /// Does all rounds, with buckets that are complete one by one, in another order each time.
    private func sum(on rig: RailRig, _ member: Int, rounds: Int) async -> [Bool] {
        var isRight: [Bool] = []
        let exchange = rig.members[member].exchange
        for round in 1...rounds {
            let turn = Turn(.trial, step: UInt32(round))
            rig.fill(member, round: round)
            if round % 3 == 0 {
                exchange.run(turn, record: rig.record(of: member))
            } else {
                exchange.begin(turn)
                let buckets = 0..<exchange.times.bucketCount
                for bucket in buckets { exchange.bucketReady((bucket + round) % buckets.count, in: turn) }
                exchange.complete(turn, rig.record(of: member))
            }
            guard let end = await rig.members[member].end() else { return isRight }
            isRight.append(
                rig.isRight(member, round: round) && end.turn == turn && end.isFinite == true
                    && end.records.count == rig.members.count)
        }
        return isRight
    }

    private func sumOnAll(_ rig: RailRig, rounds: Int) async -> [[Bool]] {
        await withTaskGroup(of: [Bool].self) { group in
            for member in rig.members { group.addTask { await sum(on: rig, member.index, rounds: rounds) } }
            return await group.reduce(into: []) { $0.append($1) }
        }
    }

    @Test(arguments: settings) func sumsAreThoseOfTheTree(setting: Setting) async throws {
        let rig = try await RailRig(
            lanes: setting.lanes, elementCount: RailExchangeTests.elementCount, settings: setting.settings,
            rounds: RailExchangeTests.rounds)
        let results = await sumOnAll(rig, rounds: RailExchangeTests.rounds)
        #expect(results.allSatisfy { $0 == Array(repeating: true, count: RailExchangeTests.rounds) }, "\(results)")
        // The canary: of another round it would be wrong.
        #expect(!rig.isRight(0, round: RailExchangeTests.rounds + 1))
        await rig.close()
    }

    /// Links whose keys serve for a few records only are replaced again and again, while sums go on.
    @Test(arguments: settings) func linksAreRenewed(setting: Setting) async throws {
        var limits = LinkLimits.patient
        limits.recordsPerKey = 10
        let rig = try await RailRig(
            lanes: setting.lanes, elementCount: RailExchangeTests.elementCount, settings: setting.settings,
            rounds: 2 * RailExchangeTests.rounds, limits: limits)
        let results = await sumOnAll(rig, rounds: 2 * RailExchangeTests.rounds)
        #expect(results.allSatisfy { $0 == Array(repeating: true, count: 2 * RailExchangeTests.rounds) }, "\(results)")
        #expect(rig.members.reduce(0) { $0 + $1.renewals.load(ordering: .relaxed) } > 1)
        #expect(rig.members[0].renewals.load(ordering: .relaxed) == 0, "who was dialled does not dial")
        await rig.close()
    }

    /// A link is replaced while much is still queued on it: what follows waits for that, else chunks would come out of
    /// order, which is a fault.
    @Test func framesKeepTheirOrderAcrossRenewals() async throws {
        var limits = LinkLimits.patient
        limits.recordsPerKey = 16
        let rig = try await RailRig(
            lanes: [0..<1, 1..<2, 2..<3], elementCount: 300_000,
            settings: ExchangeSettings(oneHopBytes: 0, chunkBytes: 4096), rounds: 6, limits: limits)
        for round in 1...6 {
            for member in rig.members {
                rig.members[member.index].exchange.run(
                    Turn(.trial, step: UInt32(round)), record: rig.record(of: member.index))
            }
            for member in rig.members { #expect(await member.end()?.isFinite == true) }
        }
        #expect(rig.members.reduce(0) { $0 + $1.renewals.load(ordering: .relaxed) } > 3)
        await rig.close()
    }

    /// An infinite element is found by everyone, whether it is summed here or arrives.
    @Test(arguments: settings) func whatIsNotFiniteIsFound(setting: Setting) async throws {
        let rig = try await RailRig(
            lanes: setting.lanes, elementCount: RailExchangeTests.elementCount, settings: setting.settings, rounds: 1)
        for member in rig.members { rig.fill(member.index, round: 1) }
        rig.members[1].exchange.memory.roots[0].pointer[RailExchangeTests.elementCount - 1] = .infinity
        for member in rig.members {
            member.exchange.run(Turn(.trial, step: 1), record: rig.record(of: member.index))
        }
        for member in rig.members { #expect(await member.end()?.isFinite == false) }
        await rig.close()
    }

    /// Who goes away in the middle of a turn is named, with the bucket that was due.
    @Test func aLostMemberIsNamedWithItsBucket() async throws {
        let setting = RailExchangeTests.settings[1]
        let rig = try await RailRig(
            lanes: setting.lanes, elementCount: RailExchangeTests.elementCount, settings: setting.settings, rounds: 1)
        let turn = Turn(.trial, step: 1)
        rig.fill(0, round: 1)
        let exchange = rig.members[0].exchange
        exchange.begin(turn)
        for bucket in 0..<exchange.times.bucketCount { exchange.bucketReady(bucket, in: turn) }
        exchange.complete(turn, rig.record(of: 0))
        // After the turn has begun there.
        #expect(await rig.members[0].rails.waitingFor() == ["w1"])
        rig.members[1].rails.close()
        var losses = rig.losses.makeAsyncIterator()
        let loss = await losses.next() ?? ""
        #expect(loss.hasPrefix("w0 lost w1: "), "\(loss)")
        #expect(loss.contains("bucket 0 of ") || loss.contains("bucket 1 of "), "\(loss)")
        await rig.close()
    }
}
