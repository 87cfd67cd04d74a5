import LockstepCluster
import LockstepCollectives
import LockstepCore
import LockstepEngine
import LockstepModels
import LockstepTestSupport
import LockstepWire
import LockstepWireTestSupport
import NIOCore
import Testing

@testable import LockstepRuntime

/// A state over real links, from the members that hold it to those that lack it.
@Suite(.timeLimit(.minutes(Patience.minutesOfTest)), .ownThreads) struct RailStateTests {
    private static let numbers: [Double] = [1.5, -0.0, 1e300]

    /// A state with vectors of several frames, which all differ.
    private static func state() throws -> FlatState {
        let plan = try Plan.compile(
            model: Linear(400, 300), inputShape: [400], loss: .meanSquaredError, optimizer: .adam(learningRate: 0.1))
        let state = try FlatState(plan: plan, seed: 5)
        for (number, vector) in state.vectors.enumerated() {
            for index in 0..<state.layout.count { vector[index] = Float(index % 1013 + number) }
        }
        return state
    }

    private static var numberBytes: [UInt8] {
        numbers.flatMap { withUnsafeBytes(of: $0.bitPattern.littleEndian, Array.init) }
    }

    private struct Fixture {
        let rig: RailRig
        let state: FlatState
        let pieces: StatePieces

        init(members: Int, holders: [Int], limits: LinkLimits = .patient) async throws {
            state = try RailStateTests.state()
            rig = try await RailRig(
                lanes: (0..<members).map { $0..<$0 + 1 }, elementCount: 16 * 400,
                settings: ExchangeSettings(bucketBoundaries: [16 * 200], oneHopBytes: 0, links: 2), rounds: 3,
                limits: limits, holders: holders)
            pieces = StatePieces(
                rig.roster, vectorCount: 3, elementCount: state.layout.count, numberCount: RailStateTests.numbers.count)
        }

        func receive(_ member: Int) {
            let (rail, pieces) = (rig.members[member].rails.rails[0], pieces)
            let staged = StagedState(pieces)
            rail.loop.execute { rail.receive(pieces, into: staged) }
        }

        func send(from holder: Int, share: Int? = nil) {
            let (rail, pieces, state) = (rig.members[holder].rails.rails[0], pieces, state)
            guard let share = share ?? pieces.holders.firstIndex(of: holder) else { return }
            rail.loop.execute { rail.send(share, of: pieces, state, numbers: RailStateTests.numberBytes) }
        }

        /// The hashes of what the next member that has everything has got.
        func nextStaged() async -> (member: Int, hashes: StateHashes, numbers: [Double])? {
            for await (member, state) in rig.staged { return (member, state.hashes(Kernels.best()), state.numbers) }
            return nil
        }

        func nextLoss() async -> String? {
            for await loss in rig.losses { return loss }
            return nil
        }

        /// One round of the exchange on all members.
        func sumsAreRight(round: Int) async -> Bool {
            let turn = Turn(.trial, step: UInt32(round))
            for member in rig.members {
                rig.fill(member.index, round: round)
                member.exchange.run(turn, record: rig.record(of: member.index))
            }
            for member in rig.members {
                guard await member.end() != nil, rig.isRight(member.index, round: round) else { return false }
            }
            return true
        }
    }

    /// Shares come before the member asks for them, and gradients come behind them.
    @Test(arguments: [(2, [0]), (3, [0, 2]), (4, [1]), (4, [0, 1, 3])]) func theStateArrives(
        members: Int, holders: [Int]
    ) async throws {
        let fixture = try await Fixture(members: members, holders: holders)
        for holder in holders { fixture.send(from: holder) }
        let sums = Task(executorPreference: OwnThreads.shared) { await fixture.sumsAreRight(round: 1) }
        for needer in fixture.pieces.needers { fixture.receive(needer) }
        let expected = fixture.state.hashes(Kernels.best(), numbers: RailStateTests.numbers)
        var arrived: [Int] = []
        for _ in fixture.pieces.needers {
            let staged = try #require(await fixture.nextStaged())
            #expect(staged.hashes == expected)
            #expect(staged.numbers.map(\.bitPattern) == RailStateTests.numbers.map(\.bitPattern))
            arrived.append(staged.member)
        }
        #expect(arrived.sorted() == fixture.pieces.needers)
        #expect(await sums.value)
        await fixture.rig.close()
    }

    /// Links whose keys serve for a few records are replaced in the midst of it.
    @Test func overLinksThatAreRenewed() async throws {
        var limits = LinkLimits.patient
        limits.recordsPerKey = 10
        let fixture = try await Fixture(members: 3, holders: [0, 2], limits: limits)
        fixture.receive(1)
        for holder in [0, 2] { fixture.send(from: holder) }
        let staged = try #require(await fixture.nextStaged())
        #expect(staged.hashes == fixture.state.hashes(Kernels.best(), numbers: RailStateTests.numbers))
        #expect(await fixture.sumsAreRight(round: 1))
        await fixture.rig.close()
    }

    /// Only holders send, and each its own share.
    @Test func aShareThatIsNotDueEndsTheLink() async throws {
        let wrong = try await Fixture(members: 2, holders: [0])
        wrong.receive(1)
        wrong.send(from: 0)
        _ = await wrong.nextStaged()
        wrong.send(from: 0)
        #expect(await wrong.nextLoss()?.contains("w0 sent more than its share of the state") == true)
        await wrong.rig.close()

        let other = try await Fixture(members: 3, holders: [0, 1])
        other.receive(2)
        other.send(from: 1, share: 0)
        #expect(await other.nextLoss()?.contains("w1 sent") == true)
        await other.rig.close()
    }

    /// After `park` nothing of the state is read or written by a link any more.
    @Test func parkingEndsAllUseOfMemory() async throws {
        let fixture = try await Fixture(members: 2, holders: [0])
        // The member never asks, so most of it is still queued.
        fixture.send(from: 0)
        let rails = fixture.rig.members.map(\.rails)
        await Task.detached(executorPreference: OwnThreads.shared) { for group in rails { group.park() } }.value
        for member in fixture.rig.members {
            let rail = member.rails.rails[0]
            let isLeft = try await rail.loop.submit {
                rail.served != nil || rail.levelling != nil || rail.isIn(1)
            }.get()
            #expect(!isLeft)
        }
        await fixture.rig.close()
    }
}
